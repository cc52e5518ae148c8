"""The two consumer groups: counted once, stored once, whatever is repeated."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cip.domain.events import microseconds
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.ingest.frames import rows
from cip.ingest.rebuild import rebuild_live
from cip.store import keys
from cip.store.live import MICROSECONDS_PER_MINUTE, LiveCounters
from cip.store.streams import EventStream
from tests import recounting
from tests.factories import NOW, Platform, raw_event, tenant

ACME = tenant().id
NOW_MINUTE = microseconds(NOW) // MICROSECONDS_PER_MINUTE


def counters_equal_history(platform: Platform) -> int:
    return recounting.counters_equal_history(
        platform.client, platform.history_root, ACME, platform.clock()
    )


def some_events(number: int, seed: int) -> list[dict[str, object]]:
    draw = random.Random(seed)
    kinds = ["page.viewed", "purchase.completed", "purchase.refunded", "feature.used"]
    return [
        raw_event(
            customer=f"c{draw.randrange(20)}",
            kind=draw.choice(kinds),
            minutes_ago=draw.choice([0.1, 3, 70, 60 * 30, 60 * 49.99, 60 * 24 * 40]),
            channel=draw.choice(["web", "mo|bile", "e:mail"]),
        )
        for _ in range(number)
    ]


def test_live_counters_equal_a_recount_of_the_history(platform: Platform) -> None:
    for seed in range(4):
        platform.send(*some_events(300, seed))
    assert counters_equal_history(platform) == 1_200


def test_a_batch_that_is_applied_twice_counts_once(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, some_events(200, 1))
    first, second = platform.consumer(), platform.consumer()
    batch = first._read("live", 500)
    parsed, _ = first._parse(batch)
    counters = LiveCounters(platform.client, ACME)
    assert counters.apply(parsed, now_minute=NOW_MINUTE, generation=0) == 200
    assert counters.apply(parsed, now_minute=NOW_MINUTE, generation=0) == 0
    assert second.live_step() == 0
    while second.history_step():
        pass
    assert counters_equal_history(platform) == 200


def test_a_consumer_that_died_before_acknowledging_loses_and_doubles_nothing(
    platform: Platform,
) -> None:
    platform.services.ingestion.accept(ACME, some_events(100, 2))
    dead = platform.consumer()
    entries = dead._read("history", 60)
    good, _ = dead._parse(entries)
    dead._table.append_stream(rows(good), entries[-1].position)  # and then it was killed
    assert len(dead._read("live", 30)) == 30
    successor = platform.consumer()
    while successor.history_step() or successor.live_step():
        pass
    with connect(HistoryTable(platform.history_root, ACME)) as connection:
        found = connection.execute("SELECT count(*), count(DISTINCT event_id) FROM events")
        assert found.fetchone() == (100, 100)
    assert counters_equal_history(platform) == 100


def test_an_event_that_comes_late_moves_the_customers_first_day(platform: Platform) -> None:
    platform.send(raw_event(customer="a", minutes_ago=5))
    platform.send(raw_event(customer="a", minutes_ago=120, channel="mobile"))
    assert counters_equal_history(platform) == 2
    platform.send(raw_event(customer="a", minutes_ago=60 * 24 * 90))
    assert counters_equal_history(platform) == 3


def test_a_rebuild_gives_what_counting_gave(platform: Platform) -> None:
    platform.send(*some_events(400, 5))
    assert rebuild_live(platform.client, platform.history_root, ACME, platform.clock) == 400
    assert LiveCounters(platform.client, ACME).generation() > 0
    assert counters_equal_history(platform) == 400
    platform.send(*some_events(100, 6))
    assert counters_equal_history(platform) == 500


def test_a_rebuild_in_the_middle_of_a_flow_counts_each_event_once(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, some_events(300, 7))
    holder = platform.consumer()
    entries = holder._read("live", 120)  # delivered, held, not yet applied
    rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    good, _ = holder._parse(entries)
    counters = LiveCounters(platform.client, ACME)
    applied = counters.apply(good, now_minute=NOW_MINUTE, generation=counters.generation())
    assert applied == 0, "the rebuild has counted them"
    platform.send(*some_events(50, 8))
    assert counters_equal_history(platform) == 350


def test_while_a_rebuild_runs_live_waits_and_nothing_is_lost(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, some_events(10, 9))
    platform.client.set(keys.live_paused(ACME), "somebody")
    consumer = platform.consumer()
    assert consumer.live_step() == 0
    assert LiveCounters(platform.client, ACME).newest_us(0) is None
    platform.client.delete(keys.live_paused(ACME))
    assert consumer.live_step() == 10


def test_a_failed_rebuild_leaves_the_counters_as_they_were(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.send(*some_events(40, 10))

    def fail(*_: object, **__: object) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr("cip.ingest.rebuild._write_first_seen", fail)
    with pytest.raises(redis.ConnectionError):
        rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    assert LiveCounters(platform.client, ACME).generation() == 0
    assert not platform.client.exists(keys.live_paused(ACME))
    assert counters_equal_history(platform) == 40


def test_compaction_keeps_every_row_and_the_stream_position(platform: Platform) -> None:
    for seed in range(6):
        platform.send(*some_events(5, seed))
    table = HistoryTable(platform.history_root, ACME)
    position = table.stream_position()
    assert len(table.file_uris()) == 6
    assert table.compact(above_files=5)
    assert len(table.file_uris()) == 1
    assert table.stream_position() == position
    assert counters_equal_history(platform) == 30


def test_buckets_expire(platform: Platform) -> None:
    platform.send(raw_event(minutes_ago=1))
    buckets = [
        *platform.client.scan_iter(f"{keys.live(ACME, 0)}[mh]:*"),
        *platform.client.scan_iter(f"{keys.live(ACME, 0)}[mh][ab]:*"),
    ]
    assert len(buckets) == 6
    for key in buckets:
        assert 0 < platform.client.ttl(key) < timedelta(hours=80).total_seconds()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=6), seed=st.integers(0, 999))
def test_however_the_flow_is_cut_the_sums_are_the_same(
    platform: Platform, cuts: list[int], seed: int
) -> None:
    platform.client.flushall()
    platform.add_tenant()
    platform.history_root += "x"
    consumer = platform.consumer()
    sent = 0
    for number, cut in enumerate(cuts):
        platform.services.ingestion.accept(ACME, some_events(cut, seed + number))
        sent += cut
        (consumer.live_step if number % 2 else consumer.history_step)()
    while consumer.live_step() or consumer.history_step():
        pass
    assert EventStream(platform.client, ACME).backlog("live") == 0
    assert counters_equal_history(platform) == sent


def test_a_process_that_lost_its_lease_unawares_makes_no_gap_in_the_history(
    platform: Platform,
) -> None:
    stale, owner = platform.consumer(), platform.consumer()
    assert stale.history_step() == owner.history_step() == 0  # nothing pending, as both know
    platform.services.ingestion.accept(ACME, some_events(10, 1))
    held = stale._read("history", 5_000)  # and then it is paused, for longer than its lease
    platform.services.ingestion.accept(ACME, some_events(10, 2))
    assert owner.history_step() == 0, "the later events may not be stored before the earlier ones"
    assert owner.history_step() == 20
    assert held, "what the other one still holds"
    assert stale.history_step() == 0
    platform.consumer().live_step()
    assert counters_equal_history(platform) == 20
    assert EventStream(platform.client, ACME).backlog("history") == 0


def test_what_a_killed_process_committed_is_on_the_disk_before_it_is_acknowledged(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.services.ingestion.accept(ACME, some_events(10, 1))
    dead = platform.consumer()
    monkeypatch.setattr(HistoryTable, "_sync_version", lambda *_: None)
    entries = dead._read("history", 5_000)
    dead._table.append_stream(rows(dead._parse(entries)[0]), entries[-1].position)
    monkeypatch.undo()  # it was killed between the commit and the fsync
    synced: list[int] = []
    monkeypatch.setattr(HistoryTable, "_sync_version", lambda _, version: synced.append(version))
    assert platform.consumer().history_step() == 10
    assert synced == [HistoryTable(platform.history_root, ACME).version()]
