"""Dead letters in the store: each written once, counted by reason, settled once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from cip.domain import dead_letters
from cip.domain.dead_letters import MAX_PAYLOAD_BYTES, Letter, Reason, RejectedEvent, reason_of
from cip.domain.errors import InvalidInputError
from cip.domain.events import Event, parse_event
from cip.domain.tenants import tenant_id
from cip.store import dead_letters as store
from cip.store import keys
from cip.store.client import connect_for_writes
from cip.store.dead_letters import DeadLetters, Settlement
from cip.store.streams import Entry, EventStream, PoisonError, TombstonesChangedError
from tests.factories import NOW, raw_event, tenant

ACME, OTHER = tenant_id("acme"), tenant_id("other")
POISON = PoisonError("The entry is not JSON.", field="e")
UNREADABLE = Reason("stream", "unreadable", "e")
BAD_MONEY = Reason("api", "currency", "properties.currency")


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with connect_for_writes(redis_url, timeout_seconds=5) as connection:
        yield connection


@pytest.fixture
def letters(client: Any) -> DeadLetters:
    return DeadLetters(client, ACME)


def rejected(payload: bytes = b"{}", **changes: Any) -> RejectedEvent:
    given = {"code": "currency", "field": "properties.currency", "message": "Wrong."}
    return RejectedEvent(payload, **{**given, **changes})


def event(**changes: Any) -> Event:
    return parse_event(raw_event(**changes), tenant=tenant(), now=NOW)


def only(letters: DeadLetters) -> Letter:
    (letter,) = letters.all()
    return letter


def test_an_entry_is_buried_once_by_whichever_group(letters: DeadLetters) -> None:
    for _group in range(2):
        letters.bury(Entry("7-1", b"\xff not json"), POISON)
    letter = only(letters)
    assert (letter.reason, letter.stream_id) == (UNREADABLE, "7-1")
    assert (letter.message, letter.payload) == ("The entry is not JSON.", b"\xff not json")
    assert not letter.truncated
    letters.settle([Settlement(letter.id)])
    letters.bury(Entry("7-1", b"\xff not json"), POISON)
    assert list(letters.all()) == []


def test_a_rejection_is_kept_once_while_its_letter_lives(letters: DeadLetters) -> None:
    assert letters.keep([rejected(), rejected(), rejected(code="missing"), rejected(b"[]")]) == 3
    assert letters.keep([rejected()]) == 0
    assert dict(letters.heap().reasons) == {
        BAD_MONEY: 2,
        Reason("api", "missing", "properties.currency"): 1,
    }
    letters.settle([Settlement(letter.id) for letter in letters.all()])
    assert letters.keep([rejected()]) == 1


def test_a_long_payload_is_cut_and_says_so(letters: DeadLetters) -> None:
    whole, long = b"x" * MAX_PAYLOAD_BYTES, b"x" * (MAX_PAYLOAD_BYTES + 1)
    letters.keep([rejected(whole), rejected(long), rejected(long + b"x")])
    assert [(len(one.payload), one.truncated) for one in letters.all()] == [
        (MAX_PAYLOAD_BYTES, False),
        (MAX_PAYLOAD_BYTES, True),
        (MAX_PAYLOAD_BYTES, True),
    ]


@pytest.mark.parametrize(("limit", "value"), [("MAX_API_LETTERS", 3), ("MAX_API_BYTES", 9)])
def test_rejections_beyond_a_limit_are_counted_and_the_streams_are_always_kept(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(store, limit, value)
    assert letters.keep([rejected(b"[%d]" % number) for number in range(5)]) == 3
    letters.bury(Entry("7-1", b"not json at all"), POISON)
    heap = letters.heap()
    assert (heap.letters, heap.not_kept) == (4, 2)
    letters.settle([Settlement(letters.page(BAD_MONEY)[0].id)])
    assert letters.keep([rejected(b"[9]"), rejected(b"[8]")]) == 1
    assert letters.heap().not_kept == 3


def test_a_reason_is_listed_in_pages_from_either_end(letters: DeadLetters) -> None:
    # One pipeline: many letters of one millisecond, whose sequence passes ten.
    for number in range(12):
        letters.keep([rejected(b"[%d]" % number), rejected(b"[%d]" % number, code="missing")])
    newest_first = [b"[%d]" % number for number in range(11, -1, -1)]
    first = letters.page(BAD_MONEY, limit=5)
    rest = letters.page(BAD_MONEY, before=first[-1].id, limit=50)
    assert [letter.payload for letter in (*first, *rest)] == newest_first
    oldest = letters.oldest(BAD_MONEY, limit=4)
    after = letters.oldest(BAD_MONEY, after=oldest[-1].id)
    assert [letter.payload for letter in (*oldest, *after)] == newest_first[::-1]
    absent = Reason("api", "currency", "")
    newest = letters.newest([BAD_MONEY, absent])
    assert [letter and letter.payload for letter in newest] == [b"[11]", None]
    assert letters.page(absent) == []


def test_letters_of_one_millisecond_keep_their_order(letters: DeadLetters, client: Any) -> None:
    client.xadd(keys.dead_letters(ACME), {"a": "b"}, id="9999999999999-8")
    letters.keep([rejected(b"[%d]" % number) for number in range(4)])
    assert [letter.id[-3:] for letter in letters.page(BAD_MONEY)] == ["-12", "-11", "-10", "9-9"]


def test_a_field_that_a_sender_named_cannot_tear_the_index(letters: DeadLetters) -> None:
    evil = "a\x1fb:c\r\n" + "x" * 200
    letters.keep([rejected(field=evil, code="unknown_field")])
    (reason,) = letters.heap().reasons
    assert reason.field.startswith(r"a\x1fb:c\r\nxxx")
    assert len(reason.field) == 96
    assert letters.page(reason) == [only(letters)]
    assert reason_of(reason.key) == reason


@pytest.mark.parametrize("key", ["", "api", "api:", "api:code", "web:code:field", ":code:"])
def test_what_names_no_reason_is_refused(key: str) -> None:
    with pytest.raises(InvalidInputError):
        reason_of(key)


def test_a_letter_is_replayed_once_by_sixteen_threads(
    letters: DeadLetters, client: Any, redis_url: str
) -> None:
    letters.bury(Entry("7-1", b"poison"), POISON)
    letter_id, fixed, answers = only(letters).id, event(), []

    def replay() -> None:
        with connect_for_writes(redis_url, timeout_seconds=5) as own:
            answers.extend(DeadLetters(own, ACME).settle([Settlement(letter_id, fixed)]))

    threads = [threading.Thread(target=replay) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (entry,) = EventStream(client, ACME).newest(10)
    assert sorted(answers) == [*[""] * 15, entry.stream_id]
    assert letters.heap().letters == 0
    assert client.zcard(keys.dead_letter_index(ACME)) == 0
    assert client.hgetall(keys.dead_letter_counts(ACME)) == {}


def test_the_window_is_heeded_or_not_as_told_and_learns_the_id(
    letters: DeadLetters, client: Any
) -> None:
    stream, same = EventStream(client, ACME), event(event_id="same")
    stream.append([same])
    letters.keep([rejected(b"[%d]" % number) for number in range(3)])
    heeding, ignoring, new = [letter.id for letter in letters.all()]
    fresh = event(event_id="fresh")
    assert letters.settle([Settlement(heeding, same)]) == ["duplicate"]
    (stream_id,) = letters.settle([Settlement(ignoring, same, heed_window=False)])
    assert letters.settle([Settlement(new, fresh)])[0] == stream.newest(1)[0].stream_id
    assert [entry.stream_id for entry in stream.newest(9)][1] == stream_id
    assert stream.append([fresh]) == [None]


def test_the_half_of_the_window_before_is_heeded_too(letters: DeadLetters, client: Any) -> None:
    one = event()
    EventStream(client, ACME).append([one])
    client.rename(keys.seen(ACME), keys.seen_before(ACME))
    letters.keep([rejected()])
    assert letters.settle([Settlement(only(letters).id, one)]) == ["duplicate"]


def test_nothing_is_settled_when_a_customer_was_erased_since_the_caller_looked(
    letters: DeadLetters, client: Any
) -> None:
    letters.keep([rejected()])
    letter = only(letters)
    client.set(keys.tombstones_version(ACME), 7)
    with pytest.raises(TombstonesChangedError):
        letters.settle([Settlement(letter.id, event())], tombstones_version=6)
    assert only(letters) == letter
    assert client.exists(keys.events(ACME)) == 0
    letters.settle([Settlement(letter.id, event())], tombstones_version=7)
    assert client.xlen(keys.events(ACME)) == 1


def test_many_are_settled_in_slices_and_the_unknown_change_nothing(letters: DeadLetters) -> None:
    letters.keep([rejected(b"[%d]" % number) for number in range(120)])
    ids = [letter.id for letter in letters.all()]
    assert len(ids) == 120
    answers = letters.settle([Settlement(one) for one in ("1-1", *ids, ids[0])])
    assert answers == ["", *["discarded"] * 120, ""]


def test_a_full_server_leaves_no_half_done_letter(letters: DeadLetters, client: Any) -> None:
    letters.keep([rejected()])
    letter = only(letters)
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            letters.bury(Entry("7-1", b"poison"), POISON)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            letters.keep([rejected(b"[1]")])
        answers = letters.settle([Settlement(letter.id)])
    finally:
        client.config_set("maxmemory", 0)
    assert answers == ["discarded"]
    assert letters.heap().letters == 0
    letters.bury(Entry("7-1", b"poison"), POISON)
    assert only(letters).stream_id == "7-1"


def test_another_tenant_has_letters_of_its_own(letters: DeadLetters, client: Any) -> None:
    letters.keep([rejected()])
    other = DeadLetters(client, OTHER)
    letter = only(letters)
    assert other.find(letter.id) is None
    assert other.settle([Settlement(letter.id, event())]) == [""]
    assert client.exists(keys.events(OTHER)) == 0
    assert letters.find(letter.id) == letter
    assert letters.find("-") is None


def test_the_list_that_stands_in_the_stream_reads_as_the_object_it_was_sent_as() -> None:
    payload = b'["e1","c1","purchase.completed",1795357869000000,"web",{"amount_minor":"x"},7]'
    assert dead_letters.readable(payload) == {
        "event_id": "e1",
        "customer_id": "c1",
        "type": "purchase.completed",
        "occurred_at": "2026-11-22T14:31:09Z",
        "channel": "web",
        "properties": {"amount_minor": "x"},
    }
    for odd in (b"", b"[1]", b"7", b"\xff"):
        assert dead_letters.readable(odd) is None
    for odd in (b'["e",1,null,true,1.5,[],{}]', b'["e","c","t",99999999999999999999,"w",{},1]'):
        assert set(dead_letters.readable(odd) or {}) >= {"event_id", "occurred_at"}
