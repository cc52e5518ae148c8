"""Browser sessions in Redis: how long they last, and that one that has ended stays ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from cip.domain.errors import UnavailableError
from cip.domain.sessions import IDLE, REMEMBERED, Session
from cip.domain.tenants import TenantId, tenant_id
from cip.store import keys
from cip.store.client import connect, connect_for_writes
from cip.store.revocations import Revocations
from cip.store.sessions import SessionStore
from tests.factories import NOW, Platform

THREADS = 8


def session(name: str = "s1", **changes: object) -> Session:
    return Session.model_validate(
        {
            "id": name,
            "username": "alice",
            "tenant": "acme",
            "remember": False,
            "address": "203.0.113.7",
            "agent": "a browser",
            "created_at": NOW,
            "seen_at": NOW,
            **changes,
        }
    )


@pytest.fixture
def store(redis_url: str) -> SessionStore:
    return SessionStore(
        connect(redis_url, timeout_seconds=5), connect_for_writes(redis_url, timeout_seconds=5)
    )


def test_a_session_is_found_as_it_was_opened(store: SessionStore) -> None:
    opened = session(remember=True, agent="Zwölf Boxkämpfer: jagen\nViktor")
    store.add(opened)
    assert store.find("s1") == opened
    assert store.find("s2") is None


def test_a_users_sessions_are_listed_newest_first_and_nobody_elses(store: SessionStore) -> None:
    for number in range(3):
        store.add(session(f"s{number}", created_at=NOW + timedelta(minutes=number)))
    store.add(session("other", username="bob"))
    assert [one.id for one in store.of("alice")] == ["s2", "s1", "s0"]
    assert [one.id for one in store.of("bob")] == ["other"]
    assert store.of("nobody") == []


def test_the_list_forgets_what_ended_by_itself(store: SessionStore, platform: Platform) -> None:
    store.add(session("s1"))
    store.add(session("s2"))
    platform.client.delete(keys.session("s1"))
    assert [one.id for one in store.of("alice")] == ["s2"]
    assert platform.client.smembers(keys.sessions_of("alice")) == {b"s2"}


@pytest.mark.parametrize(("remember", "life"), [(False, IDLE), (True, REMEMBERED)])
def test_redis_drops_a_session_that_nobody_uses(
    store: SessionStore, platform: Platform, remember: bool, life: timedelta
) -> None:
    store.add(session(remember=remember))
    left = timedelta(milliseconds=platform.client.pttl(keys.session("s1")))
    assert life - timedelta(seconds=10) < left <= life


def test_activity_prolongs_it_to_its_absolute_end_at_most(
    store: SessionStore, platform: Platform
) -> None:
    opened = session()
    store.add(opened)
    for after, left_hours in ((timedelta(hours=7), 8), (timedelta(hours=20), 4)):
        assert store.seen(opened.model_copy(update={"seen_at": NOW + after}))
        left = timedelta(milliseconds=platform.client.pttl(keys.session("s1")))
        assert timedelta(0) <= timedelta(hours=left_hours) - left < timedelta(seconds=10)
        found = store.find("s1")
        assert found is not None
        assert found.seen_at == NOW + after


def test_entering_a_tenant_leaves_the_rest_as_it_is(
    store: SessionStore, platform: Platform
) -> None:
    store.add(session())
    before = platform.client.pttl(keys.session("s1"))
    assert store.enter(session(), tenant_id("outside"))
    assert store.find("s1") == session(tenant="outside")
    assert platform.client.pttl(keys.session("s1")) <= before


def test_ending_takes_it_away_and_outdates_its_tokens(
    store: SessionStore, platform: Platform
) -> None:
    store.add(session("s1"))
    store.add(session("s2"))
    assert store.end(session("s1"))
    assert not store.end(session("s1"))
    assert store.find("s1") is None
    assert platform.client.smembers(keys.sessions_of("alice")) == {b"s2"}
    known = Revocations(platform.client)
    known.look()
    assert known.outdated("session", "s1", 0)
    assert not known.outdated("session", "s2", 0)


def test_an_ended_session_is_neither_prolonged_nor_moved(store: SessionStore) -> None:
    store.add(session())
    store.end(session())
    assert not store.seen(session(seen_at=NOW + timedelta(minutes=1)))
    assert not store.enter(session(), tenant_id("outside"))
    assert store.find("s1") is None


@pytest.mark.parametrize("kind", ["seen", "enter"])
def test_a_session_that_ends_while_others_use_it_never_comes_back(
    store: SessionStore, platform: Platform, kind: str
) -> None:
    def use(one: Session, together: Barrier) -> None:
        together.wait(10)
        if kind == "seen":
            store.seen(one.model_copy(update={"seen_at": NOW + timedelta(minutes=1)}))
        else:
            store.enter(one, tenant_id("outside"))

    def end(one: Session, together: Barrier) -> bool:
        together.wait(10)
        return store.end(one)

    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(40):
            one, together = session(f"s{number}"), Barrier(THREADS)
            store.add(one)
            users = [pool.submit(use, one, together) for _ in range(THREADS - 1)]
            assert pool.submit(end, one, together).result(10)
            for user in users:
                user.result(10)
            assert store.find(one.id) is None
            assert not platform.client.exists(keys.session(one.id))
    assert store.of("alice") == []


def test_without_redis_nothing_is_known_of_a_session() -> None:
    dead = connect("redis://127.0.0.1:1")
    store = SessionStore(dead, dead)
    for ask in (
        lambda: store.find("s1"),
        lambda: store.of("alice"),
        lambda: store.add(session()),
        lambda: store.seen(session()),
        lambda: store.enter(session(), TenantId("acme")),
        lambda: store.end(session()),
    ):
        with pytest.raises(UnavailableError):
            ask()
