"""How long a browser session lasts, by a clock that is moved, and who ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cip.auth import opaque
from cip.domain.errors import NotFoundError, UnauthenticatedError
from cip.domain.permissions import Role
from cip.domain.sessions import ABSOLUTE, IDLE, REMEMBERED
from cip.domain.tenants import tenant_id
from cip.domain.users import User
from cip.services.sessions import SessionService
from cip.store.client import connect, connect_for_writes
from cip.store.users import UserStore
from tests.factories import NOW, Clock, Platform


@pytest.fixture
def users(redis_url: str) -> UserStore:
    writes = connect_for_writes(redis_url, timeout_seconds=5)
    users = UserStore(connect(redis_url, timeout_seconds=5), writes)
    users.add(user())
    return users


def user() -> User:
    return User(
        username="alice",
        name="Alice",
        password_hash="x",
        memberships={tenant_id("acme"): Role.VIEWER},
        home=tenant_id("acme"),
        created_at=NOW,
    )


def grown(one: User) -> User:
    return one.model_copy(update={"epoch": one.epoch + 1})


@pytest.fixture
def clock(platform: Platform) -> Clock:
    assert isinstance(platform.clock, Clock)
    return platform.clock


@pytest.fixture
def service(platform: Platform, users: UserStore) -> SessionService:
    return platform.services.sessions


def opened(service: SessionService, *, remember: bool = False) -> str:
    return service.open(user(), remember=remember, address="203.0.113.7", agent="a browser")[0]


def test_redis_holds_a_digest_of_the_cookie_and_not_the_cookie(
    service: SessionService, platform: Platform
) -> None:
    secret = opened(service)
    dumped = b"".join(
        key + b"".join(b"".join(pair) for pair in platform.client.hgetall(key).items())
        for key in platform.client.scan_iter("*session:*")
    )
    assert opaque.digest(secret).encode() in dumped
    assert secret.encode() not in dumped


@pytest.mark.parametrize(
    ("remember", "limit"), [(False, IDLE), (True, REMEMBERED)], ids=["8 h", "30 d"]
)
def test_an_idle_session_ends(
    service: SessionService, clock: Clock, remember: bool, limit: timedelta
) -> None:
    secret = opened(service, remember=remember)
    clock.now = NOW + limit - timedelta(seconds=1)
    assert service.resume(secret) is not None
    clock.now = NOW + limit
    assert service.resume(secret) is None
    assert service.of("alice") == []


@pytest.mark.parametrize(
    ("remember", "limit"), [(False, ABSOLUTE), (True, REMEMBERED)], ids=["24 h", "30 d"]
)
def test_a_session_in_use_ends_too(
    service: SessionService, clock: Clock, remember: bool, limit: timedelta
) -> None:
    secret = opened(service, remember=remember)
    while clock.now < NOW + limit - timedelta(hours=6):
        clock.move(hours=6)
        resumed = service.resume(secret)
        assert resumed is not None, clock.now
        service.active(resumed.session.id)
    clock.now = NOW + limit
    assert service.resume(secret) is None


def test_the_limits_are_those_that_are_promised() -> None:
    hours = [limit / timedelta(hours=1) for limit in (IDLE, ABSOLUTE, REMEMBERED)]
    assert hours == [8, 24, 30 * 24]


def test_a_token_does_not_outlive_its_session(service: SessionService, clock: Clock) -> None:
    secret = opened(service)
    clock.now = NOW + IDLE - timedelta(minutes=5)
    resumed = service.resume(secret)
    assert resumed is not None
    clock.now = NOW + IDLE + timedelta(seconds=31)
    with pytest.raises(UnauthenticatedError):
        service._credentials.of_access(resumed.token)


def test_what_comes_after_its_end_does_not_prolong_a_session(
    service: SessionService, clock: Clock
) -> None:
    secret = opened(service)
    clock.now = NOW + IDLE
    service.active(opaque.digest(secret))
    assert service.resume(secret) is None


def test_activity_is_written_once_a_minute(service: SessionService, clock: Clock) -> None:
    secret = opened(service)
    written = []
    for seconds in (30, 29, 2, 58):
        clock.move(seconds=seconds)
        service.active(opaque.digest(secret))
        (one,) = service.of("alice")
        written.append(int((one.seen_at - NOW).total_seconds()))
    assert written == [30, 30, 30, 119]


@pytest.mark.parametrize("change", [{"password_hash": "y"}, {"disabled": True}])
def test_a_session_that_is_opened_while_the_user_is_changed_does_not_outlive_it(
    service: SessionService,
    users: UserStore,
    platform: Platform,
    change: dict[str, object],
) -> None:
    """The password was looked at before the change; whoever changed it saw no session to end."""
    users.change("alice", lambda one: grown(one.model_copy(update=change)))
    with pytest.raises(UnauthenticatedError):
        opened(service)
    assert service.of("alice") == []
    assert list(platform.client.scan_iter("*:session:*")) == []


def test_nobody_ends_anybody_elses_session(service: SessionService) -> None:
    secret = opened(service)
    with pytest.raises(NotFoundError):
        service.end("bob", opaque.digest(secret))
    assert service.resume(secret) is not None


def test_ending_all_but_one_ends_all_but_one(service: SessionService) -> None:
    kept, *others = [opened(service) for _ in range(4)]
    assert service.end_all("alice", keep=opaque.digest(kept)) == 3
    assert service.resume(kept) is not None
    assert [service.resume(other) for other in others] == [None] * 3
