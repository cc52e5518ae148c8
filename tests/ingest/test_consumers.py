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
from cip.ingest.consumers import Batch, TenantConsumer
from cip.ingest.frames import rows
from cip.ingest.rebuild import rebuild_live
from cip.store import keys, live
from cip.store.live import LiveCounters
from cip.store.live_batch import sum_up
from cip.store.live_shape import MICROSECONDS_PER_MINUTE
from cip.store.streams import EventStream, Group, pack, unpack
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


def apply(platform: Platform, batch: Batch) -> int:
    counters = LiveCounters(platform.client, ACME)
    return counters.apply(
        sum_up((event for _, event in batch.good), now_minute=NOW_MINUTE),
        start=batch.start,
        end=batch.end,
        count=len(batch.entries),
        generation=counters.generation(),
    )


def taken(consumer: TenantConsumer, group: Group, count: int) -> Batch:
    batch = consumer._next(group, count)
    assert batch is not None
    return batch


def test_a_batch_that_is_applied_twice_counts_once(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, some_events(200, 1))
    first, second = platform.consumer(), platform.consumer()
    batch = taken(first, "live", 500)
    assert apply(platform, batch) == 200
    assert apply(platform, batch) == live.MOVED
    assert second.live_step() == 0
    while second.history_step():
        pass
    assert counters_equal_history(platform) == 200


def test_batches_that_overlap_count_each_event_once(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, some_events(200, 1))
    batches = [taken(platform.consumer(), "live", count) for count in (50, 120, 200)]
    assert [apply(platform, batch) for batch in batches] == [50, live.MOVED, live.MOVED]
    while platform.consumer().history_step() or platform.consumer().live_step():
        pass
    assert counters_equal_history(platform) == 200


def test_a_consumer_that_died_before_it_moved_its_group_loses_and_doubles_nothing(
    platform: Platform,
) -> None:
    platform.services.ingestion.accept(ACME, some_events(100, 2))
    dead = platform.consumer()
    batch = taken(dead, "history", 60)
    dead._table.append_stream(rows(batch.good), batch.entries[-1].position)  # and then: killed
    assert len(taken(dead, "live", 30).entries) == 30
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
    batch = taken(holder, "live", 120)  # read, not yet applied
    rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    assert apply(platform, batch) == live.MOVED, "the rebuild has counted them"
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
    assert stale.history_step() == owner.history_step() == 0
    platform.services.ingestion.accept(ACME, some_events(10, 1))
    held = taken(stale, "history", 5_000)  # and then it is paused, for longer than its lease
    platform.services.ingestion.accept(ACME, some_events(10, 2))
    assert owner.history_step() == 20
    # It wakes up and goes on where it was.
    stale._table.append_stream(rows(held.good), held.entries[-1].position)
    assert not stale._stream.advance("history", start=held.start, end=held.end, count=10)
    platform.services.ingestion.accept(ACME, some_events(5, 3))
    stale._places["history"] = held.start
    assert stale.history_step() == 0, "the place it knew is not where the group stands"
    assert stale.history_step() == 5
    assert owner.history_step() == 0
    while owner.live_step():
        pass
    assert counters_equal_history(platform) == 25
    assert EventStream(platform.client, ACME).backlog("history") == 0


def test_a_stream_that_fell_behind_the_history_gives_out_no_id_again(platform: Platform) -> None:
    platform.send(*some_events(10, 1))
    position = HistoryTable(platform.history_root, ACME).stream_position()
    ahead = unpack(position + (3_600_000 << 21))  # as a server would stand after losing an hour
    table = HistoryTable(platform.history_root, ACME)
    table.append_stream(rows([]), pack(ahead))
    platform.consumer()  # takes the tenant over
    platform.send(*some_events(5, 2))
    with connect(table) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (15,)
    assert pack(EventStream(platform.client, ACME).extent().last_id) > pack(ahead)


def test_late_events_are_counted_as_late(platform: Platform) -> None:
    platform.send(
        raw_event(minutes_ago=1), raw_event(minutes_ago=59), raw_event(minutes_ago=61), raw_event()
    )
    late = platform.client.hget(keys.live_meta(ACME, 0), "late")
    assert late == b"1"
    rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    generation = LiveCounters(platform.client, ACME).generation()
    assert platform.client.hget(keys.live_meta(ACME, generation), "late") == b"1"


def test_what_a_killed_process_committed_is_on_the_disk_before_its_group_moves(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.services.ingestion.accept(ACME, some_events(10, 1))
    dead = platform.consumer()
    monkeypatch.setattr(HistoryTable, "_sync_version", lambda *_: None)
    batch = taken(dead, "history", 5_000)
    dead._table.append_stream(rows(batch.good), batch.entries[-1].position)
    monkeypatch.undo()  # it was killed between the commit and the fsync
    successor = platform.consumer()
    synced: list[int] = []
    monkeypatch.setattr(HistoryTable, "_sync_version", lambda _, version: synced.append(version))
    assert successor.history_step() == 10
    assert synced == [HistoryTable(platform.history_root, ACME).version()]
