"""A batch of which one event in a hundred is poison, from the request to the figures."""

from __future__ import annotations

import orjson
import pytest

from cip.domain.dead_letters import Letter
from cip.domain.errors import NotFoundError
from cip.services.ingestion import UnreadableLine
from cip.store import keys
from cip.store.live import LiveCounters
from tests.factories import Platform, raw_event, tenant
from tests.recounting import counters_equal_history

ACME = tenant().id
DOLLARS = {"amount_minor": 500, "currency": "USD"}
# Place in the batch → what is wrong there, and the code and field that say so.
POISON: dict[int, tuple[object, str, str | None]] = {
    7: (raw_event(event_id="p1", occurred_at="yesterday"), "invalid", "occurred_at"),
    119: (raw_event(event_id="p2", customer=""), "missing", "customer_id"),
    250: (raw_event(event_id="p3", kind="purchase.completed", properties=DOLLARS), "currency",
          "properties.currency"),
    333: ("no object", "type", None),
    400: (UnreadableLine(b'{"event_id": "p5", "custo'), "not_json", None),
    505: (raw_event(event_id="p6", tenant_id="other"), "unknown_field", "tenant_id"),
    661: (raw_event(event_id="p7", properties={"a": {"b": 1}}), "nested", "properties.a"),
    742: (raw_event(event_id="p8", kind="conversation.rated",
                    properties={"conversation_id": "k", "rating": 6}), "invalid",
          "properties.rating"),
    888: (raw_event(event_id="p9", kind="x" * 129), "too_long", "type"),
    999: (raw_event(event_id="p10", occurred_at="2031-01-01T00:00:00Z"), "future", "occurred_at"),
}  # fmt: skip


def consume(platform: Platform) -> None:
    consumer = platform.consumer()
    while consumer.live_step() or consumer.history_step():
        pass


def counted(platform: Platform) -> int:
    consume(platform)
    return counters_equal_history(platform.client, platform.history_root, ACME, platform.clock())


def test_the_rest_is_counted_and_a_mended_letter_counts_once(platform: Platform) -> None:
    batch = [
        POISON[place][0] if place in POISON else raw_event(customer=f"c{place % 50}")
        for place in range(1_000)
    ]
    answer = platform.services.ingestion.accept(ACME, batch)
    assert (answer.accepted, answer.duplicates, len(answer.rejected)) == (990, 0, 10)
    assert {one.index: (one.code, one.field) for one in answer.rejected} == {
        place: (code, field) for place, (_, code, field) in POISON.items()
    }
    assert counted(platform) == 990

    service, who = platform.services.dead_letters, platform.principal()
    letters = {
        letter.payload: letter
        for row in service.overview(who).rows
        for letter in service.page(who, row.reason)
    }
    assert len(letters) == 10
    for raw, code, field in POISON.values():
        payload = raw.payload if isinstance(raw, UnreadableLine) else orjson.dumps(raw)
        reason = letters[payload].reason
        assert (reason.code, reason.field) == (code, field or "")

    mended = letters[orjson.dumps(POISON[250][0])]
    assert replay(platform, mended) == "replayed"
    assert counted(platform) == 991
    with pytest.raises(NotFoundError):
        replay(platform, mended)
    assert counted(platform) == 991
    # The sender, who mended it too, sends all of it again.
    batch[250] = {**raw_event(event_id="p3"), **in_euros(mended)}
    again = platform.services.ingestion.accept(ACME, batch)
    assert (again.accepted, again.duplicates) == (0, 991)
    assert counted(platform) == 991
    assert platform.client.xlen(keys.dead_letters(ACME)) == 9, "a repeat writes no second letter"


def in_euros(letter: Letter) -> dict[str, object]:
    assert letter.event is not None
    return {**letter.event, "properties": {"amount_minor": 500, "currency": "EUR"}}


def replay(platform: Platform, letter: Letter) -> str:
    edited = orjson.dumps(in_euros(letter)).decode()
    who = platform.principal()
    return platform.services.dead_letters.replay(who, letter.id, edited).outcome


def test_poison_in_the_stream_is_passed_by_both_groups_and_comes_back_by_replay(
    platform: Platform,
) -> None:
    good = [raw_event() for _ in range(99)]
    platform.services.ingestion.accept(ACME, good[:50])
    platform.client.xadd(keys.events(ACME), {"e": b'["e","c","t","no number","web",{},1]'})
    platform.services.ingestion.accept(ACME, good[50:])
    assert counted(platform) == 99
    service, who = platform.services.dead_letters, platform.principal()
    (row,) = service.overview(who).rows
    assert (row.reason.source, row.reason.code, row.reason.field) == (
        "stream", "unreadable", "occurred_at_us",
    )  # fmt: skip
    (letter,) = service.page(who, row.reason)
    event = {**(letter.event or {}), "occurred_at": raw_event()["occurred_at"]}
    assert service.replay(who, letter.id, orjson.dumps(event).decode()).outcome == "replayed"
    assert counted(platform) == 100
    live = LiveCounters(platform.client, ACME)
    assert platform.client.hget(keys.live_meta(ACME, live.generation()), "applied") == b"100"
