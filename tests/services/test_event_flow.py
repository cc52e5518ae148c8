"""How events flow: what waits, for how long, and what stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cip.domain.errors import ForbiddenError, UnavailableError
from cip.domain.event_flow import Alarm
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.services.event_flow import EventFlowService
from cip.store import keys
from cip.store.alarms import Alarms
from cip.store.client import connect
from tests.factories import Platform, raw_event

ACME = tenant_id("acme")


def test_a_tenant_without_events_has_nothing_that_waits(platform: Platform) -> None:
    flow = platform.services.event_flow.of(platform.principal())
    assert [group.group for group in flow.groups] == ["live", "history"]
    for group in flow.groups:
        assert (group.position, group.lag, group.oldest_waiting_seconds, group.alarm) == (
            None, 0, None, None,
        )  # fmt: skip
    assert (flow.stream_length, flow.stream_bytes, flow.dead_letters) == (0, 0, 0)
    assert (flow.late_events, flow.events_counted) == (0, 0)


def test_what_waits_is_told_by_group(platform: Platform) -> None:
    platform.send(raw_event(), raw_event())
    platform.services.ingestion.accept(ACME, [raw_event() for _ in range(3)])
    platform.consumer().history_step()
    live, history = platform.services.event_flow.of(platform.principal()).groups
    assert (live.lag, history.lag) == (3, 0)
    assert history.oldest_waiting_seconds is None
    assert live.oldest_waiting_seconds is not None
    assert 0 <= live.oldest_waiting_seconds < 60
    entries = platform.client.xrange(keys.events(ACME))
    ids = [int(entry_id.split(b"-")[0]) for entry_id, _ in entries]
    assert live.position == datetime.fromtimestamp(ids[1] / 1000, UTC)
    assert history.position == datetime.fromtimestamp(ids[-1] / 1000, UTC)


def test_lengths_and_counts_are_told(platform: Platform) -> None:
    platform.send(raw_event(), raw_event(), raw_event(minutes_ago=300))
    platform.client.xadd(keys.dead_letters(ACME), {"code": "unreadable"})
    flow = platform.services.event_flow.of(platform.principal())
    assert (flow.stream_length, flow.dead_letters, flow.events_counted) == (3, 1, 3)
    assert flow.stream_bytes > 300


def test_a_gap_in_the_stream_does_not_hide_what_waits(platform: Platform) -> None:
    platform.send(raw_event())
    platform.services.ingestion.accept(ACME, [raw_event() for _ in range(3)])
    entries = platform.client.xrange(keys.events(ACME))
    platform.client.xdel(keys.events(ACME), entries[2][0])
    flow = platform.services.event_flow.of(platform.principal())
    assert [group.lag for group in flow.groups] == [3, 3]
    assert flow.stream_length == 3
    platform.send()
    flow = platform.services.event_flow.of(platform.principal())
    assert [group.oldest_waiting_seconds for group in flow.groups] == [None, None]


def test_before_the_first_consumer_everything_waits(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, [raw_event(), raw_event()])
    flow = platform.services.event_flow.of(platform.principal())
    assert [group.lag for group in flow.groups] == [2, 2]
    assert all(group.oldest_waiting_seconds is not None for group in flow.groups)


def test_an_alarm_is_told_until_it_ends(platform: Platform) -> None:
    since = datetime(2026, 11, 22, 9, 0, tzinfo=UTC) + timedelta(microseconds=5)
    alarm = Alarm(since, 7, "OSError", "No space left on device")
    alarms = Alarms(platform.client, ACME)
    alarms.keep("history", alarm)
    groups = platform.services.event_flow.of(platform.principal()).groups
    assert [group.alarm for group in groups] == [None, alarm]
    alarms.end("history")
    groups = platform.services.event_flow.of(platform.principal()).groups
    assert [group.alarm for group in groups] == [None, None]


def test_it_is_for_those_who_manage_dead_letters(platform: Platform) -> None:
    with pytest.raises(ForbiddenError):
        platform.services.event_flow.of(platform.principal(role=Role.ANALYST))


def test_without_redis_there_is_no_figure(platform: Platform) -> None:
    away = EventFlowService(connect("redis://127.0.0.1:9"), platform.services.accounts.tenants)
    with pytest.raises(UnavailableError):
        away.of(platform.principal())
