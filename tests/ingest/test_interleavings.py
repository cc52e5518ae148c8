"""What comes in between: an erasure between two slices of a batch, an import before a tie."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pyarrow as pa
import pytest

from cip.domain.events import Event
from cip.history.table import SCHEMA, HistoryTable
from cip.ingest.rebuild import rebuild_live
from cip.ingest.verify import verify
from cip.store import keys, streams
from cip.store.dead_letters import DeadLetters
from cip.store.streams import EventStream
from tests.factories import NOW, Platform, raw_event, tenant

ACME = tenant().id
VICTIM = "somebody-erased"


def consume(platform: Platform) -> None:
    consumer = platform.consumer()
    while consumer.live_step() or consumer.history_step():
        pass


def test_an_erasure_between_two_slices_makes_no_duplicate_of_what_was_taken(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, number = streams.encode, 0

    def encode_and_erase(event: Event) -> bytes:
        nonlocal number
        number += 1
        if number == streams.BATCH + 10:
            platform.services.erasure.request(platform.principal(), VICTIM)
        return encode(event)

    monkeypatch.setattr(streams, "encode", encode_and_erase)
    batch = [raw_event() for _ in range(600)]
    batch[5]["customer_id"] = batch[590]["customer_id"] = VICTIM
    answer = platform.services.ingestion.accept(ACME, batch)
    assert (answer.accepted, answer.duplicates) == (599, 0)
    assert [(one.index, one.code) for one in answer.rejected] == [(590, "erased")]


def test_a_letter_of_somebody_who_is_erased_meanwhile_is_not_kept(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = DeadLetters.keep

    def keep_late(self: DeadLetters, *given: object) -> int:
        monkeypatch.setattr(DeadLetters, "keep", keep)
        platform.services.erasure.request(platform.principal(), VICTIM)
        return keep(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(DeadLetters, "keep", keep_late)
    bad = [raw_event(customer=who, kind="x" * 200) for who in (VICTIM, "another")]
    answer = platform.services.ingestion.accept(ACME, bad)
    assert [one.code for one in answer.rejected] == ["too_long", "too_long"]
    letters = [letter.payload for letter in DeadLetters(platform.client, ACME).all()]
    assert [orjson.loads(payload)["customer_id"] for payload in letters] == ["another"]


def test_of_an_import_and_an_event_at_one_instant_the_import_came_first(
    platform: Platform,
) -> None:
    at = NOW - timedelta(minutes=5)
    imported = {
        **dict.fromkeys(SCHEMA.names),
        "event_id": "i1",
        "customer_id": "c1",
        "type": "page.viewed",
        "occurred_at": at,
        "channel": "mail",
        "properties": "{}",
        "received_at": NOW,
        "source_order": 3,
        "import_id": "acme.x",
        "import_row": 0,
    }
    platform.send(raw_event(customer="other"))
    table = HistoryTable(platform.history_root, ACME)
    table.append_import(pa.Table.from_pylist([imported], schema=SCHEMA), "acme.x")
    rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
    platform.send(raw_event(customer="c1", occurred_at=at.isoformat()))
    found = verify(platform.client, platform.history_root, ACME, platform.clock)
    assert found.equal, found.differences


@pytest.mark.parametrize(
    "payload",
    [
        b'["e","c","page.viewed",1,"web",{"a":' + b"[" * 300 + b"]" * 300 + b"},2]",
        b'["e","c","purchase.completed",1,"web",{"amount_minor":true},2]',
        b'["e","c","purchase.completed",1,"web",{"amount_minor":1.5},2]',
    ],
)
def test_what_one_group_could_not_take_is_poison_for_both(
    platform: Platform, payload: bytes
) -> None:
    platform.client.xadd(keys.events(ACME), {"e": payload})
    platform.send(raw_event())
    assert platform.client.xlen(keys.dead_letters(ACME)) == 1
    found = verify(platform.client, platform.history_root, ACME, platform.clock)
    assert found.equal, found.differences
    assert EventStream(platform.client, ACME).backlog("history") == 0


def test_nothing_is_trimmed_while_a_group_is_missing(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, [raw_event() for _ in range(1_500)])
    consumer = platform.consumer()
    platform.client.xgroup_destroy(keys.events(ACME), "history")
    while consumer.live_step():
        pass
    assert EventStream(platform.client, ACME).trim() == 0
