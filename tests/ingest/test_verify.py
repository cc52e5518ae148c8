"""The check of the live counters: it finds exactly what is wrong, and disturbs nothing."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
import redis

from cip import failpoints
from cip.domain.errors import ConflictError
from cip.domain.events import microseconds
from cip.history.table import HistoryTable
from cip.ingest import pause as pausing
from cip.ingest.differences import Difference
from cip.ingest.frames import rows
from cip.ingest.rebuild import rebuild_live
from cip.ingest.verify import Verification, verify
from cip.store import keys, scripts
from cip.store.leases import Lease
from cip.store.live import LiveCounters
from cip.store.live_shape import MICROSECONDS_PER_MINUTE, SEP
from cip.store.streams import EventStream, decode
from tests.factories import NOW, Clock, Platform, raw_event, tenant
from tests.waiting import wait_until

ACME = tenant().id
NOW_MINUTE = microseconds(NOW) // MICROSECONDS_PER_MINUTE


def check(platform: Platform) -> Verification:
    return verify(platform.client, platform.history_root, ACME, platform.clock)


def bucket(platform: Platform, name: str) -> str:
    return keys.live(ACME, LiveCounters(platform.client, ACME).generation()) + name


def some_events(number: int, seed: int = 1) -> list[dict[str, object]]:
    draw = random.Random(seed)
    return [
        raw_event(
            customer=f"c{draw.randrange(30)}",
            kind=draw.choice(["page.viewed", "purchase.completed", "purchase.refunded"]),
            minutes_ago=draw.choice([0.5, 5, 90, 60 * 47, 60 * 24 * 40]),
            channel=draw.choice(["web", "e:mail"]),
        )
        for _ in range(number)
    ]


def test_counters_that_are_right_are_equal_and_the_number_compared_is_told(
    platform: Platform,
) -> None:
    platform.send(raw_event(customer="a"), raw_event(customer="b", kind="purchase.completed"))
    found = check(platform)
    assert found.equal
    assert found.events == 2
    # Per minute and hour: two counts of types, one amount, one of new customers, and the people
    # (active and buyers, of all and of the channel); two customers' first days; three of meta.
    assert found.compared == 2 * (2 + 1 + 1 + 4) + 2 + 3
    assert found.stream_id == EventStream(platform.client, ACME).place("live")


def test_a_counter_changed_by_hand_is_found_and_nothing_else(platform: Platform) -> None:
    platform.send(*some_events(300))
    minute = NOW_MINUTE - 5
    field = f"n{SEP}web{SEP}page.viewed"
    before = int(platform.client.hget(bucket(platform, f"m:{minute}"), field))
    platform.client.hincrby(bucket(platform, f"m:{minute}"), field, 7)
    found = check(platform)
    assert found.differences == (Difference(f"m:{minute}", field, before + 7, before),)
    assert (found.differing, found.total_difference, found.equal) == (1, 7, False)
    rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    assert check(platform).equal


@pytest.mark.parametrize("name", ["m:{minute}", "ha:{hour}", "ma:{minute}:web", "hb:{hour}:web"])
def test_a_bucket_that_is_gone_is_found(platform: Platform, name: str) -> None:
    platform.send(raw_event(kind="purchase.completed", minutes_ago=10))
    minute = NOW_MINUTE - 10
    name = name.format(minute=minute, hour=minute // 60)
    platform.client.delete(bucket(platform, name))
    found = check(platform)
    assert {one.bucket for one in found.differences} == {name}
    assert all(one.live in (None, 0) and one.recount for one in found.differences)


def test_a_bucket_of_nothing_is_found(platform: Platform) -> None:
    platform.send(raw_event(minutes_ago=10))
    hour = NOW_MINUTE // 60 - 3
    platform.client.hset(bucket(platform, f"h:{hour}"), f"a{SEP}web", 500)
    platform.client.pfadd(bucket(platform, f"hb:{hour}:mobile"), "x", "y")
    assert check(platform).differences == (
        Difference(f"h:{hour}", f"a{SEP}web", 500, None),
        Difference(f"hb:{hour}:mobile", "customers", 2, 0),
    )


def test_a_stranger_among_the_people_is_found(platform: Platform) -> None:
    platform.send(*(raw_event(customer=f"c{number}", minutes_ago=2) for number in range(40)))
    name = f"ma:{NOW_MINUTE - 2}"
    platform.client.pfadd(bucket(platform, name), "stranger")
    assert check(platform).differences == (Difference(name, "customers", 41, 40),)


def test_first_days_that_are_wrong_missing_or_too_many_are_found(platform: Platform) -> None:
    platform.send(*(raw_event(customer=name, minutes_ago=60) for name in "abc"))
    generation = LiveCounters(platform.client, ACME).generation()
    key = keys.first_seen(ACME, generation)
    right = platform.client.hget(key, "a").decode()
    platform.client.hset(key, "a", f"1{SEP}web")
    platform.client.hdel(key, "b")
    platform.client.hset(key, "x", f"2{SEP}web")
    platform.client.hset(key, "y", f"3{SEP}web")
    found = check(platform)
    assert set(found.differences) == {
        Difference("first_seen", "a", f"1{SEP}web", right),
        Difference("first_seen", "b", None, right),
        Difference("first_seen", "x", f"2{SEP}web", None),
        Difference("first_seen", "y", f"3{SEP}web", None),
    }
    assert found.total_difference == 4


@pytest.mark.parametrize("field", ["applied", "late", "newest_us"])
def test_a_wrong_total_is_found(platform: Platform, field: str) -> None:
    platform.send(raw_event(minutes_ago=90))
    generation = LiveCounters(platform.client, ACME).generation()
    platform.client.hincrby(keys.live_meta(ACME, generation), field, 3)
    (difference,) = check(platform).differences
    assert (difference.bucket, difference.field, difference.amount) == ("meta", field, 3)


def test_what_the_counters_no_longer_hold_as_a_whole_is_not_compared(platform: Platform) -> None:
    """As time goes on the oldest hour is half in, half out, and its buckets are still there."""
    clock = platform.clock
    assert isinstance(clock, Clock)
    ages = [60 * 49.9, 60 * 49, 60 * 48.5, 60 * 47.9, 30, 1]
    # By the server's own clock, which lets the oldest buckets expire.
    clock.now = now = datetime.now(UTC)
    platform.send(*(raw_event(minutes_ago=age, now=now) for age in ages))
    for minutes in (0, 7, 31, 55, 60, 61):
        clock.now = now + timedelta(minutes=minutes)
        found = check(platform)
        assert found.equal, (minutes, found.differences)


def test_only_what_the_live_counters_have_reached_is_compared(platform: Platform) -> None:
    platform.send(*some_events(50))
    platform.services.ingestion.accept(ACME, some_events(30, seed=2))
    while platform.consumer().history_step():
        pass
    found = check(platform)
    assert (found.events, found.equal) == (50, True)
    assert EventStream(platform.client, ACME).backlog("live") == 30


def test_it_brings_the_history_to_where_the_live_counters_are(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, some_events(40))
    assert platform.consumer().live_step() == 40
    found = check(platform)
    assert (found.events, found.equal) == (40, True)


def test_it_holds_while_events_come_in_and_are_counted(platform: Platform) -> None:
    stop = threading.Event()
    sent: list[int] = []

    def load() -> None:
        lease = Lease(platform.client, keys.ingest_lease(ACME), 60_000)
        assert lease.acquire()
        consumer = platform.consumer()
        while not stop.is_set():
            events = some_events(20, seed=len(sent))
            platform.services.ingestion.accept(ACME, events)
            sent.append(len(events))
            consumer.live_step()
            consumer.history_step()

    thread = threading.Thread(target=load)
    thread.start()
    try:
        wait_until(lambda: len(sent) >= 3, 10, "some sent")
        counts = []
        for _ in range(5):
            found = check(platform)
            assert found.equal, found.differences
            counts.append(found.events)
            more = len(sent) + 2
            wait_until(lambda more=more: len(sent) >= more, 10, "counting goes on")  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(10)
    assert counts == sorted(set(counts))


def test_the_counters_go_on_after_it_and_also_when_it_fails(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.send(*some_events(10))
    check(platform)
    assert not platform.client.exists(keys.live_paused(ACME))

    def fail(*_: object) -> None:
        assert platform.client.exists(keys.live_paused(ACME))
        raise OSError("the disk is gone")

    monkeypatch.setattr("cip.ingest.verify.compare_all", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        check(platform)
    assert not platform.client.exists(keys.live_paused(ACME))


def test_its_pause_ends_by_itself_when_it_is_killed_and_lasts_while_it_lives(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "PAUSE_MS", 400)
    monkeypatch.setattr(pausing, "_EXTEND_SECONDS", 0.1)
    key = keys.live_paused(ACME)
    with pausing.paused(platform.client, ACME) as pause:
        lapsed = threading.Event()
        assert not lapsed.wait(0.9)  # more than twice its life
        pause.require_held()
    assert not platform.client.exists(key)
    killed = pausing.Pause(platform.client, ACME)
    killed.begin()
    with pytest.raises(ConflictError), pausing.paused(platform.client, ACME):
        pass
    assert platform.client.exists(key), "the other's pause is not ended"
    wait_until(lambda: not platform.client.exists(key), 5, "the pause lapsed")
    with pytest.raises(ConflictError):
        killed.require_held()


def test_a_check_and_a_rebuild_exclude_each_other(platform: Platform) -> None:
    platform.send(raw_event())
    with pausing.paused(platform.client, ACME):
        with pytest.raises(ConflictError):
            rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
        with pytest.raises(ConflictError):
            check(platform)


def stored_again(platform: Platform, position: int) -> None:
    """Adds the stream's first event to the history once more, past the consumers."""
    entry = EventStream(platform.client, ACME).after("0-0", 1)[0]
    table = rows([(entry, decode(entry.payload))])
    at = table.schema.get_field_index("position")
    column = pa.array([position], type=pa.int64())
    table = table.set_column(at, table.schema.field("position"), column)
    HistoryTable(platform.history_root, ACME).append_import(table, f"by hand {position}")


def test_an_event_that_the_history_holds_twice_is_found(platform: Platform) -> None:
    platform.send(raw_event(), raw_event())
    first, _ = EventStream(platform.client, ACME).after("0-0", 2)
    stored_again(platform, first.position)
    found = check(platform)
    assert (found.repeated_event_ids, found.repeated_positions) == (1, 1)
    assert not found.equal
    rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    found = check(platform)
    assert (found.differing, found.history_sound, found.equal) == (0, False, False)


@pytest.mark.parametrize(("ms_beyond", "repeated"), [(0, 0), (-60_000, 1)])
def test_an_id_that_came_again_after_the_window_is_no_repetition(
    platform: Platform, ms_beyond: int, repeated: int
) -> None:
    platform.send(raw_event())
    (first,) = EventStream(platform.client, ACME).after("0-0", 2)
    apart_ms = 7 * 24 * 3600 * 1000 + ms_beyond
    stored_again(platform, first.position - (apart_ms << 21))
    found = check(platform)
    assert (found.repeated_event_ids, found.repeated_positions) == (repeated, 0)


def test_a_group_that_has_passed_what_is_not_stored_is_found(platform: Platform) -> None:
    platform.send(raw_event())
    platform.services.ingestion.accept(ACME, [raw_event()])
    stream = EventStream(platform.client, ACME)
    start, end = stream.place("history"), stream.extent().last_id
    assert stream.advance("history", start=start, end=end, count=1)
    found = check(platform)
    assert (found.group_ahead, found.equal) == (True, False)


class KilledError(BaseException):
    """In place of SIGKILL: nothing catches it."""


@pytest.mark.parametrize("point", ["rebuild.before_swap", "rebuild.after_swap"])
def test_nothing_stays_of_a_rebuild_that_was_killed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    platform.send(*some_events(20))

    def hit(name: str) -> None:
        if name == point:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", hit)
        with pytest.raises(KilledError):
            rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    generation = LiveCounters(platform.client, ACME).generation()
    assert bool(generation) == (point == "rebuild.after_swap")
    of_it = keys.live(ACME, generation)
    lasting = {
        key.decode() for key in platform.client.scan_iter("live:*") if ttl(platform, key) < 0
    }
    assert lasting - {keys.live_generation(ACME)} == {of_it + "first_seen", of_it + "meta"}
    assert check(platform).equal
    assert rebuild_live(platform.client, platform.history_root, ACME, platform.clock) == 20
    assert check(platform).equal


def ttl(platform: Platform, key: bytes) -> int:
    return int(platform.client.ttl(key))


def test_a_rebuild_whose_answer_was_lost_is_in_force_as_a_whole(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.send(*some_events(20))

    def script(client: Any, name: str) -> Any:
        run = scripts.script(client, name)

        def lost(**call: Any) -> None:
            run(**call)
            raise redis.TimeoutError("no answer")

        return lost if name == "swap_live" else run

    with monkeypatch.context() as patched:
        patched.setattr("cip.ingest.rebuild.script", script)
        with pytest.raises(redis.TimeoutError):
            rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    assert LiveCounters(platform.client, ACME).generation() > 0
    assert check(platform).equal
