"""Recording what is done, before it is done."""

from __future__ import annotations

import pytest
import redis
import structlog

from cip.auth.keyring import KeyRing
from cip.domain.audit import AuditEvent, Origin, Verification
from cip.domain.errors import (
    ForbiddenError,
    UnavailableError,
)
from cip.domain.tenants import TenantId
from cip.jobs import tasks
from cip.services import make_services
from cip.services.audit import AuditService
from cip.store import keys as redis_keys
from cip.store.audit import AuditStore
from tests.audit_logs import ACME, RING, event, store
from tests.factories import KEYS, NOW, Platform


def service(store: AuditStore, ring: KeyRing = RING) -> AuditService:
    return AuditService(store, ring, lambda: NOW, lambda: Origin("api", "192.0.2.9", "r-9"))


def outcomes(store: AuditStore, log: TenantId | None = ACME) -> list[tuple[str, str]]:
    return [(entry.event.target, entry.event.outcome) for entry in store.walk(log)]


def test_what_is_recorded_says_where_it_came_from(redis_url: str) -> None:
    audit = store(redis_url)
    service(audit).record(
        None, "mallory", "login.refused", "alice", outcome="refused", after={"tries": 3}
    )
    (entry,) = audit.page(None)
    assert entry.event == AuditEvent(
        at=NOW,
        source="api",
        subject="mallory",
        action="login.refused",
        target="alice",
        outcome="refused",
        after={"tries": 3},
        address="192.0.2.9",
        request_id="r-9",
    )
    assert service(audit).verify(None).problem is None


def test_an_entry_stands_before_the_action_begins(redis_url: str) -> None:
    audit = store(redis_url)
    with service(audit).recorded(ACME, "alice", "user.demoted", "bob", after={"role": "viewer"}):
        assert outcomes(audit) == [("bob", "ok")]
    assert outcomes(audit) == [("bob", "ok")]


@pytest.mark.parametrize(
    "error", [ForbiddenError("no"), redis.ConnectionError("gone"), ZeroDivisionError("a mistake")]
)
def test_a_second_entry_says_that_the_action_failed(redis_url: str, error: Exception) -> None:
    audit = store(redis_url)
    with (
        pytest.raises(type(error), match=str(error)),
        service(audit).recorded(ACME, "alice", "user.demoted", "bob"),
    ):
        raise error
    assert outcomes(audit) == [("bob", "ok"), ("bob", "failed")]


def test_an_action_without_an_entry_is_not_done() -> None:
    done = []
    with (
        pytest.raises(UnavailableError),
        service(store("redis://127.0.0.1:9")).recorded(ACME, "alice", "user.demoted", "bob"),
    ):
        done.append("demoted")
    assert done == []


def test_the_actions_own_error_is_raised_where_the_second_entry_cannot_be_written(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = store(redis_url)

    def act() -> None:
        with service(audit).recorded(ACME, "alice", "user.demoted", "bob"):
            monkeypatch.setattr(audit, "append", away)
            raise ForbiddenError("no")

    def away(*_: object) -> None:
        raise UnavailableError("away")

    with structlog.testing.capture_logs() as lines, pytest.raises(ForbiddenError):
        act()
    assert [line["event"] for line in lines] == ["audit_failure_not_written"]


def test_the_job_logs_every_head(platform: Platform) -> None:
    audit = store(platform.redis_url)
    last = audit.append(ACME, event(), RING)
    platform.add_tenant("other")
    with structlog.testing.capture_logs() as lines:
        tasks.log_audit_heads(platform.services)
    assert [(line["event"], line["tenant"], line["number"], line["hash"]) for line in lines] == [
        ("audit_head", None, 0, ""),
        ("audit_head", "acme", 1, last.hash),
        ("audit_head", "other", 0, ""),
    ]


def test_a_quiet_log_outlives_the_secret_that_it_began_with(platform: Platform) -> None:
    audit, old, new = store(platform.redis_url), RING, KEYS
    during, after = KeyRing(new.current, old.current), new
    last = audit.append(ACME, event(), old)
    assert jobs_heads(platform, during) == [0, 2]
    assert jobs_heads(platform, during) == [0, 2]
    resealed = audit.page(ACME, limit=1)[0].event
    assert (resealed.subject, resealed.source, resealed.action, resealed.target) == (
        "platform", "system", "audit.resealed", "acme",
    )  # fmt: skip
    assert not audit.outdated(ACME, after)
    audit.append(ACME, event(2), after)
    assert audit.verify(ACME, during) == Verification(3, audit.head(ACME).hash)
    alone = audit.verify(ACME, after)
    assert (alone.entries, alone.at) == (0, last.id)
    assert str(alone.problem).endswith("which is not known")


def test_a_log_without_entries_needs_no_seal(platform: Platform) -> None:
    assert jobs_heads(platform, KeyRing(KEYS.current, RING.current)) == [0, 0]


def test_the_job_mends_no_head_that_was_changed_and_goes_on_behind_one_that_is_unreadable(
    platform: Platform,
) -> None:
    audit = store(platform.redis_url)
    for log in (None, ACME):
        audit.append(log, event(), RING)
    platform.client.hset(redis_keys.AUDIT_HEAD, "number", "many")
    platform.client.hset(redis_keys.audit_head(ACME), "seal", "0" * 64)
    assert jobs_heads(platform, KeyRing(KEYS.current, RING.current)) == [1]


def jobs_heads(platform: Platform, ring: KeyRing) -> list[int]:
    """The numbers that the job logs where it runs with these secrets."""
    services = make_services(platform.redis_url, platform.redis_url, ring, clock=platform.clock)
    with structlog.testing.capture_logs() as lines:
        tasks.log_audit_heads(services)
    return [line["number"] for line in lines if line["event"] == "audit_head"]
