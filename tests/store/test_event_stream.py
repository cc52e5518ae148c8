"""Accepting events: the dedupe window, dead letters, trimming."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import redis

from cip.domain.events import parse_event
from cip.store import keys
from cip.store.client import connect_for_writes
from cip.store.streams import (
    KEPT_FOR_FEED,
    EventStream,
    PoisonError,
    decode,
    encode,
    pack,
    unpack,
)
from tests.factories import NOW, Platform, raw_event, tenant

ACME = tenant().id


def event(**changes: object):  # type: ignore[no-untyped-def]
    return parse_event(raw_event(**changes), tenant=tenant(), now=NOW)  # type: ignore[arg-type]


def test_an_event_survives_the_way_through_the_stream_unchanged() -> None:
    original = event(kind="purchase.completed", customer="Zoë 日本 {x}|\x7e")
    assert decode(encode(original)) == original


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"{}",
        b"[1,2]",
        b'["e","c","t","not a number","web",{},1]',
        b'["e","c","t",1.5,"web",{},1]',
        b'["e","c","t",true,"web",{},1]',
        b'["","c","t",1,"web",{},1]',
        b'["e","c","t",99999999999999999999,"web",{},1]',
    ],
)
def test_an_entry_of_another_shape_is_poison(payload: bytes) -> None:
    with pytest.raises(PoisonError):
        decode(payload)


def test_stream_ids_pack_into_numbers_that_sort_alike() -> None:
    ids = ["0-0", "0-1", "1700000000000-0", "1700000000000-7", "1700000000001-0"]
    packed = [pack(stream_id) for stream_id in ids]
    assert packed == sorted(packed)
    assert [unpack(position) for position in packed] == ids


def test_a_sequence_that_does_not_fit_raises_instead_of_wrapping() -> None:
    with pytest.raises(OverflowError):
        pack(f"1-{2**21}")


def test_an_event_id_counts_once(platform: Platform) -> None:
    stream = EventStream(platform.client, ACME)
    one, other = event(event_id="same"), event(event_id="same", customer="c2")
    first = stream.append([one, other, event(event_id="another")])
    assert [stream_id is None for stream_id in first] == [False, True, False]
    assert stream.append([one, other]) == [None, None]
    assert platform.client.xlen(keys.events(ACME)) == 2


def test_an_id_sent_a_thousand_times_by_sixteen_threads_makes_one_entry(
    platform: Platform, redis_url: str
) -> None:
    one = event(event_id="same")
    answers: list[str | None] = []

    def send() -> None:
        stream = EventStream(connect_for_writes(redis_url, timeout_seconds=5), ACME)
        # Alone, and in one batch with itself.
        for number in range(42):
            answers.extend(stream.append([one, one] if number % 2 else [one]))

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 16 * 63 >= 1_000
    assert len([found for found in answers if found]) == 1
    assert platform.client.xlen(keys.events(ACME)) == 1


def test_an_id_is_forgotten_only_after_the_window(platform: Platform) -> None:
    stream = EventStream(platform.client, ACME)
    one = event(event_id="same")
    stream.append([one])
    platform.client.set(keys.seen_rotated(ACME), 1)  # the sets are long due
    assert stream.append([one]) == [None]  # now it stands in the set before
    platform.client.set(keys.seen_rotated(ACME), 1)
    assert stream.append([one], window=timedelta(days=7))[0] is not None


def test_two_tenants_may_use_the_same_event_id(platform: Platform) -> None:
    platform.add_tenant("other")
    one = event(event_id="same")
    assert EventStream(platform.client, ACME).append([one])[0]
    assert EventStream(platform.client, tenant("other").id).append([one])[0]


def test_trimming_never_takes_an_entry_that_a_group_still_needs(platform: Platform) -> None:
    stream = EventStream(platform.client, ACME)
    stream.ensure_groups()
    total = KEPT_FOR_FEED + 500
    stream.append([event() for _ in range(total)])
    assert stream.trim() == 0
    ids = [entry.stream_id for entry in stream.after("0-0", total)]
    assert stream.advance("live", start="0-0", end=ids[-1], count=total)
    assert stream.trim() == 0, "history has finished nothing"
    assert stream.advance("history", start="0-0", end=ids[99], count=100)
    assert stream.trim() == 100
    assert stream.advance("history", start=ids[99], end=ids[-1], count=total - 100)
    assert stream.trim() == 400
    assert platform.client.xlen(keys.events(ACME)) == KEPT_FOR_FEED
    assert stream.backlog("live") == stream.backlog("history") == 0


def test_a_group_moves_only_from_where_it_stands(platform: Platform) -> None:
    stream = EventStream(platform.client, ACME)
    stream.ensure_groups()
    first, second, third = (str(found) for found in stream.append([event() for _ in range(3)]))
    assert stream.backlog("live") == 3
    assert not stream.advance("live", start=first, end=second, count=1)
    assert stream.advance("live", start="0-0", end=second, count=2)
    assert not stream.advance("live", start="0-0", end=third, count=3)
    assert (stream.place("live"), stream.place("history")) == (second, "0-0")
    assert (stream.backlog("live"), stream.backlog("history")) == (1, 3)
    assert [entry.stream_id for entry in stream.after(second, 10)] == [third]


def test_the_backlog_is_known_after_entries_were_deleted(platform: Platform) -> None:
    stream = EventStream(platform.client, ACME)
    stream.ensure_groups()
    ids = [str(found) for found in stream.append([event() for _ in range(10)])]
    stream.advance("live", start="0-0", end=ids[4], count=5)
    platform.client.xdel(keys.events(ACME), ids[7])
    assert stream.backlog("live") == 5


def test_poison_goes_to_the_dead_letters_once_and_holds_nobody_up(platform: Platform) -> None:
    good = [raw_event(), raw_event()]
    platform.services.ingestion.accept(ACME, good[:1])
    platform.client.xadd(keys.events(ACME), {"e": b"[broken"})
    platform.client.xadd(keys.events(ACME), {"other": "field"})
    platform.send(good[1])
    letters = platform.client.xrange(keys.dead_letters(ACME))
    assert [fields[b"payload"] for _, fields in letters] == [b"[broken", b""]
    assert [fields[b"code"] for _, fields in letters] == [b"unreadable", b"unreadable"]
    stream = EventStream(platform.client, ACME)
    assert stream.backlog("live") == stream.backlog("history") == 0
    newest = stream.newest(1)[0]
    assert platform.consumer()._table.stream_position() == newest.position


def test_a_client_that_does_not_answer_in_time_is_not_asked_again(redis_url: str) -> None:
    """redis-py's own default would write the entry twice."""
    client = connect_for_writes(redis_url, timeout_seconds=0.2)
    control = redis.Redis.from_url(redis_url)
    client.ping()
    control.client_pause(600)
    with pytest.raises(redis.TimeoutError):
        client.xadd("plain", {"a": "b"})
    control.client_unpause()
    assert control.xlen("plain") <= 1
