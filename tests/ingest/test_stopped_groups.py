"""A group of a tenant that keeps failing is stopped and raises an alarm; nothing else notices."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import redis
from redis.exceptions import OutOfMemoryError

from cip.domain.errors import ConflictError, UnavailableError
from cip.domain.event_flow import GroupFlow
from cip.domain.tenants import TenantId, tenant_id
from cip.ingest import process, turns
from cip.ingest.consumers import TenantConsumer
from cip.ingest.turns import Turn, told
from cip.store.alarms import Alarms
from cip.store.streams import EventStream
from tests.factories import NOW, Clock, Platform, raw_event
from tests.ingest.test_process import running
from tests.waiting import wait_until

ACME = tenant_id("acme")
FULL = OSError(errno.ENOSPC, "No space left on device", "/somewhere/customer-of-acme")


def flow(platform: Platform, tenant: TenantId = ACME) -> tuple[GroupFlow, GroupFlow]:
    live, history = platform.services.event_flow.of(platform.principal(tenant)).groups
    return live, history


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged as an error of stopped groups; backing off takes next to no time."""
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(turns.log, "error", lambda _, **more: logged.append(more))
    monkeypatch.setattr(turns, "_FIRST_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(turns, "STOPPED_SECONDS", 0.1)
    monkeypatch.setattr(process, "HISTORY_PAUSE_SECONDS", 0.05)
    return logged


def test_one_group_of_one_tenant_stops_and_goes_on_when_it_can(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, errors: list[dict[str, Any]]
) -> None:
    other = platform.add_tenant("zeta")
    full = [True]
    step = TenantConsumer.history_step

    def history_step(consumer: TenantConsumer) -> int:
        if full[0] and consumer.tenant == ACME:
            raise FULL
        return step(consumer)

    monkeypatch.setattr(TenantConsumer, "history_step", history_step)
    platform.services.ingestion.accept(ACME, [raw_event() for _ in range(3)])
    with running(platform):
        wait_until(lambda: flow(platform)[1].alarm, 10, "the alarm")
        wait_until(lambda: flow(platform)[1].alarm.tries > 6, 10, "tried again")  # type: ignore[union-attr]
        platform.services.ingestion.accept(ACME, [raw_event()])
        platform.services.ingestion.accept(other, [raw_event()])
        stream = EventStream(platform.client, other)
        wait_until(lambda: not stream.backlog("history"), 10, "the other tenant stored")
        wait_until(lambda: not flow(platform)[0].lag, 10, "the other group counted")
        live, history = flow(platform)
        assert (live.alarm, history.lag) == (None, 4)
        assert history.alarm is not None
        assert (history.alarm.kind, history.alarm.message) == ("OSError", "No space left on device")
        assert history.alarm.since == NOW
        assert all(group.alarm is None for group in flow(platform, other))
        full[0] = False
        wait_until(lambda: not flow(platform)[1].lag, 10, "stored after all")
        wait_until(lambda: flow(platform)[1].alarm is None, 10, "the alarm ended")
    assert errors == [{"step": "history", "tenant": "acme", "kind": "OSError"}]


def test_what_stops_the_history_from_opening_does_not_stop_counting(
    platform: Platform, errors: list[dict[str, Any]]
) -> None:
    folder = platform.consumer()._table.folder
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("in the way")
    platform.services.ingestion.accept(ACME, [raw_event()])
    with running(platform):
        wait_until(lambda: not flow(platform)[0].lag, 10, "counted")
        wait_until(lambda: flow(platform)[1].alarm, 10, "the alarm")
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
        wait_until(lambda: not flow(platform)[1].lag, 10, "stored after all")
    assert [one["step"] for one in errors] == ["history"]


def test_an_alarm_of_a_process_that_died_is_ended_by_its_successor(platform: Platform) -> None:
    for group in ("live", "history"):
        turn = Turn(group, Alarms(platform.client, ACME), platform.clock)
        for _ in range(turns.ALARM_TRIES):
            turn.failed(FULL)
    assert all(group.alarm for group in flow(platform))
    with running(platform):
        wait_until(lambda: not any(group.alarm for group in flow(platform)), 10, "ended")


class Monotonic:
    """In place of the module `time`."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


def until_due(turn: Turn, time: Monotonic) -> float:
    before = time.now
    while not turn.due:
        time.now += 0.05
    return time.now - before


def test_it_is_tried_again_soon_and_once_stopped_every_thirty_seconds(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, clock = Monotonic(), Clock()
    monkeypatch.setattr(turns, "time", time)
    turn = Turn("live", Alarms(platform.client, ACME), clock)
    waits = []
    for _ in range(7):
        turn.failed(ConflictError("Somebody else was faster."))
        waits.append(until_due(turn, time))
        clock.move(seconds=1)
    assert all(wait < 5.1 for wait in waits[:4])
    assert waits[0] < 0.6
    assert waits[4:] == pytest.approx([30.0, 30.0, 30.0], abs=0.1)
    alarm = flow(platform)[0].alarm
    assert alarm is not None
    assert (alarm.since, alarm.tries) == (NOW, 7)
    turn.succeeded()
    assert flow(platform)[0].alarm is None
    turn.failed(FULL)
    assert flow(platform)[0].alarm is None, "the count begins anew"


@pytest.mark.parametrize(
    "error",
    [redis.ConnectionError("gone"), redis.TimeoutError(), OutOfMemoryError("OOM"),
     UnavailableError("The data store does not answer.")],
)  # fmt: skip
def test_a_store_that_is_away_is_no_tenants_alarm(platform: Platform, error: Exception) -> None:
    turn = Turn("live", Alarms(platform.client, ACME), lambda: datetime.now(UTC))
    for _ in range(30):
        turn.failed(error)
    assert flow(platform)[0].alarm is None


def test_an_alarm_shows_nothing_that_a_customer_sent() -> None:
    assert told(FULL) == "No space left on device"
    assert told(ConflictError("Ours.")) == "Ours."
    assert told(redis.ResponseError("WRONGTYPE Operation")) == "WRONGTYPE Operation"
    secret = "could not convert 'jane@example.com' to int64"
    for error in (pa.ArrowInvalid(secret), OSError(secret)):
        assert "jane" not in told(error)
