"""Dead letters from what goes wrong to what is counted: replayed once, discarded, on record."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import orjson
import pytest

from cip.domain.audit import AuditEvent
from cip.domain.dead_letters import Letter, Reason
from cip.domain.errors import CipError, ForbiddenError, NotFoundError
from cip.domain.events import EventRejectedError, microseconds
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import tenant_id
from cip.services import dead_letters as services
from cip.services.dead_letters import DeadLetterService
from cip.store import keys
from cip.store.streams import EventStream, digest
from cip.store.tombstones import Erased, Tombstones
from tests.factories import NOW, Platform, raw_event

ACME = tenant_id("acme")
UNREADABLE = Reason("stream", "unreadable", "occurred_at_us")
CURRENCY = Reason("api", "currency", "properties.currency")


@pytest.fixture
def who(platform: Platform) -> Principal:
    return platform.principal()


@pytest.fixture
def service(platform: Platform) -> DeadLetterService:
    return platform.services.dead_letters


def consume(platform: Platform, name: str = "acme") -> None:
    consumer = platform.consumer(name)
    while consumer.live_step() or consumer.history_step():
        pass


def poison(platform: Platform, event_id: str = "poisoned", name: str = "acme") -> None:
    """An accepted event whose instant is damaged in the stream, which both groups have read."""
    tenant = tenant_id(name)
    accepted = platform.services.ingestion.accept(tenant, [raw_event(event_id=event_id)])
    assert accepted.accepted == 1
    (entry,) = EventStream(platform.client, tenant).newest(1)
    fields = orjson.loads(entry.payload)
    platform.client.xdel(keys.events(tenant), entry.stream_id)
    platform.client.xadd(keys.events(tenant), {"e": orjson.dumps([*fields[:3], "x", *fields[4:]])})
    consume(platform, name)


def reject(platform: Platform, **changes: Any) -> dict[str, Any]:
    """A purchase in dollars, which a tenant of euros refuses."""
    dollars = {"amount_minor": 500, "currency": "USD"}
    event = raw_event(**{"kind": "purchase.completed", "properties": dollars, **changes})
    assert platform.services.ingestion.accept(ACME, [event]).rejected
    return event


def letters(service: DeadLetterService, who: Principal) -> list[Letter]:
    return [one for row in service.overview(who).rows for one in service.page(who, row.reason)]


def only(service: DeadLetterService, who: Principal) -> Letter:
    (letter,) = letters(service, who)
    return letter


def fixed(letter: Letter, **changes: Any) -> str:
    assert letter.event is not None
    return orjson.dumps({**letter.event, **changes}).decode()


def counted(platform: Platform) -> int:
    """Events that the live counters hold, once both groups have read everything."""
    consume(platform)
    return sum(
        int(amount)
        for key in platform.client.scan_iter("live:{acme}:*:h:*")
        for field, amount in platform.client.hgetall(key).items()
        if field.startswith(b"n")
    )


def audited(platform: Platform) -> list[AuditEvent]:
    entries = reversed(platform.services.audit.page(ACME))
    return [entry.event for entry in entries if entry.event.action.startswith("dead_letter")]


def test_poison_is_repaired_and_counts_once(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    platform.send(raw_event(), raw_event())
    poison(platform)
    letter = only(service, who)
    assert (letter.reason, letter.event_id) == (UNREADABLE, "poisoned")
    assert counted(platform) == 2
    text = fixed(letter, occurred_at=NOW.isoformat())
    assert service.replay(who, letter.id, text).outcome == "replayed"
    assert counted(platform) == 3
    with pytest.raises(NotFoundError):
        service.replay(who, letter.id, text)
    answer = platform.services.ingestion.accept(ACME, [raw_event(event_id="poisoned")])
    assert answer.duplicates == 1
    assert counted(platform) == 3
    assert service.overview(who).letters == 0


def test_sixteen_threads_replay_a_letter_once(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    poison(platform)
    letter = only(service, who)
    outcomes: list[str] = []
    text = fixed(letter, occurred_at=NOW.isoformat())

    def replay() -> None:
        try:
            outcomes.append(service.replay(who, letter.id, text).outcome)
        except CipError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=replay) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [*["not_found"] * 15, "replayed"]
    assert counted(platform) == 1


def test_a_refused_replay_names_the_field_and_keeps_the_letter(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    reject(platform)
    letter = only(service, who)
    negative = {"amount_minor": -5, "currency": "EUR"}
    tries = {
        None: "properties.currency",
        fixed(letter, properties=negative): "properties.amount_minor",
        fixed(letter, tenant="other"): "tenant",
        fixed(letter, occurred_at="2027-01-01"): "occurred_at",
        "[1]": None,
    }
    for text, field in tries.items():
        with pytest.raises(EventRejectedError) as refused:
            service.replay(who, letter.id, text)
        assert refused.value.field == field
    with pytest.raises(EventRejectedError, match="line 2, column 1"):
        service.replay(who, letter.id, '{"event_id":\n}')
    with pytest.raises(EventRejectedError, match="At most"):
        service.replay(who, letter.id, " " * (services.MAX_EDITED_CHARACTERS + 1))
    assert only(service, who) == letter
    assert counted(platform) == 0
    assert audited(platform) == []


def test_what_the_editor_begins_with_may_be_sent_back(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    """A line each at 250 levels is four megabytes of spaces."""
    items: Any = [1] * 12_000
    for _ in range(250):
        items = [items]
    reject(platform, properties={"amount_minor": 5, "currency": "USD", "items": items})
    letter = only(service, who)
    assert orjson.loads(letter.editable) == letter.event
    assert len(letter.editable) <= services.MAX_EDITED_CHARACTERS
    with pytest.raises(EventRejectedError) as refused:
        service.replay(who, letter.id, letter.editable)
    assert refused.value.field == "properties", "as it was, and not for its length"


def test_an_event_that_is_long_once_indented_is_replayed_as_edited(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    items: Any = [1] * 3_000
    for _ in range(28):
        items = [items]
    dollars = {"amount_minor": 5, "currency": "USD", "items": items}
    reject(platform, properties=dollars)
    letter = only(service, who)
    assert len(letter.editable) > 128 * 1024
    edited = letter.editable.replace('"USD"', '"EUR"')
    assert service.replay(who, letter.id, edited).outcome == "replayed"


def test_the_senders_own_resend_makes_a_replay_a_duplicate(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    sent = reject(platform)
    good = {"amount_minor": 500, "currency": "EUR"}
    platform.send({**sent, "properties": good})
    letter = only(service, who)
    assert service.replay(who, letter.id, fixed(letter, properties=good)).outcome == "duplicate"
    assert letters(service, who) == []
    assert counted(platform) == 1


def test_a_letter_of_the_stream_given_another_id_heeds_that_ones_record(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    platform.send(raw_event(event_id="taken"))
    poison(platform)
    letter = only(service, who)
    text = fixed(letter, event_id="taken", occurred_at=NOW.isoformat())
    assert service.replay(who, letter.id, text).outcome == "duplicate"
    assert counted(platform) == 1


def test_what_cannot_be_read_at_all_is_written_anew(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    platform.consumer()
    platform.client.xadd(keys.events(ACME), {"e": b"\xff{"})
    consume(platform)
    letter = only(service, who)
    assert (letter.event, letter.event_id, letter.editable) == (None, None, "\ufffd{")
    with pytest.raises(EventRejectedError):
        service.replay(who, letter.id)
    # Its id is on record since it was accepted, though nobody can read which one it is.
    platform.client.sadd(keys.seen(ACME), digest("own"))
    text = orjson.dumps(raw_event(event_id="own")).decode()
    assert service.replay(who, letter.id, text).outcome == "replayed"
    assert counted(platform) == 1


def test_a_whole_reason_is_replayed_once_the_tenant_is_corrected(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    sent = [reject(platform) for _ in range(60)]
    reject(platform, properties={"amount_minor": "much", "currency": "USD"}, event_id="hopeless")
    reject(platform, event_id="")
    assert [(row.reason.code, row.letters) for row in service.overview(who).rows] == [
        ("currency", 60), ("invalid", 1), ("missing", 1),
    ]  # fmt: skip
    assert {one.outcome for one in service.replay_all(who, CURRENCY)} == {"refused"}
    tenants = platform.services.accounts.tenants
    tenants.change(ACME, lambda one: one.model_copy(update={"currency": "USD"}))
    platform.send(sent[7])
    settled = service.replay_all(who, CURRENCY)
    assert [one.event_id for one in settled] == [event["event_id"] for event in sent]
    assert [one.outcome for one in settled].count("replayed") == 59
    assert settled[7].outcome == "duplicate"
    assert service.replay_all(who, CURRENCY) == []
    assert counted(platform) == 60
    assert service.overview(who).letters == 2


def test_an_erased_customers_event_is_not_replayed(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    poison(platform)
    letter = only(service, who)
    tombstones = Tombstones(platform.client, ACME)
    tombstones.write({tombstones.name_of("c1"): microseconds(NOW)})
    with pytest.raises(EventRejectedError) as refused:
        service.replay(who, letter.id, fixed(letter, occurred_at=NOW.isoformat()))
    assert (refused.value.code, refused.value.field) == ("erased", "customer_id")
    assert counted(platform) == 0


def test_a_customer_who_is_erased_while_it_is_replayed_stays_erased(
    platform: Platform,
    service: DeadLetterService,
    who: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poison(platform)
    letter, current = only(service, who), Tombstones.current
    looked: list[int] = []

    def erased_right_after(tombstones: Tombstones) -> Erased:
        found = current(tombstones)
        if not looked:
            tombstones.write({tombstones.name_of("c1"): microseconds(NOW)})
        looked.append(found.version)
        return found

    monkeypatch.setattr(Tombstones, "current", erased_right_after)
    with pytest.raises(EventRejectedError, match="was erased"):
        service.replay(who, letter.id, fixed(letter, occurred_at=NOW.isoformat()))
    assert looked == [0, 1]
    assert counted(platform) == 0


def test_one_is_discarded_and_then_all_of_a_reason(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    for _ in range(3):
        reject(platform)
    poison(platform)
    first = service.page(who, CURRENCY)[0]
    service.discard(who, first.id)
    with pytest.raises(NotFoundError):
        service.discard(who, first.id)
    assert service.discard_all(who, CURRENCY) == 2
    assert service.discard_all(who, CURRENCY) == 0
    assert only(service, who).reason == UNREADABLE


def test_each_act_is_on_record_without_a_personal_value(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    for customer in ("canary-1", "canary-2", "canary-3", "canary-4"):
        reject(platform, customer=customer, channel="canary-channel")
    replayed, discarded = service.page(who, CURRENCY, limit=2)
    good = {"amount_minor": 1, "currency": "EUR"}
    service.replay(who, replayed.id, fixed(replayed, properties=good))
    service.discard(who, discarded.id)
    service.replay_all(who, CURRENCY)
    service.discard_all(who, CURRENCY)
    about = {"source": "api", "code": "currency"}
    assert [(one.action, one.target, one.outcome, one.after) for one in audited(platform)] == [
        ("dead_letter.replayed", replayed.id, "ok", {**about, "edited": True}),
        ("dead_letter.discarded", discarded.id, "ok", about),
        ("dead_letter.replayed_all", "api:currency", "ok", {**about, "letters": 2}),
        ("dead_letter.discarded_all", "api:currency", "ok", {**about, "letters": 2}),
    ]
    log = repr(platform.client.xrange(keys.audit(ACME)))
    assert "canary" not in log


def test_another_tenants_letter_does_not_exist(
    platform: Platform, service: DeadLetterService, who: Principal
) -> None:
    platform.add_tenant("outside")
    poison(platform)
    letter, charlie = only(service, who), platform.principal("outside")
    text = fixed(letter, occurred_at=NOW.isoformat())
    before = platform.client.dbsize()
    for letter_id in (letter.id, "1-1", "", "*", "x" * 500):
        for act in (
            lambda one: service.get(charlie, one),
            lambda one: service.replay(charlie, one, text),
            lambda one: service.discard(charlie, one),
        ):
            with pytest.raises(NotFoundError, match="no such letter"):
                act(letter_id)
    assert platform.client.dbsize() == before
    assert service.overview(charlie).rows == ()
    assert service.page(charlie, UNREADABLE) == []
    assert service.replay_all(charlie, UNREADABLE) == []
    assert service.discard_all(charlie, UNREADABLE) == 0
    assert only(service, who) == letter
    assert counted(platform) == 0


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_only_administrators_handle_dead_letters(
    platform: Platform, service: DeadLetterService, who: Principal, role: Role
) -> None:
    reject(platform)
    letter = only(service, who)
    others = [platform.principal(role=role)]
    others.append(replace(who, permissions=who.permissions - {Permission.DEAD_LETTERS_MANAGE}))
    for other in others:
        for act in (
            lambda: service.overview(other),  # noqa: B023 - called at once
            lambda: service.page(other, CURRENCY),  # noqa: B023
            lambda: service.replay(other, letter.id),  # noqa: B023
            lambda: service.discard(other, letter.id),  # noqa: B023
            lambda: service.replay_all(other, CURRENCY),  # noqa: B023
            lambda: service.discard_all(other, CURRENCY),  # noqa: B023
        ):
            with pytest.raises(ForbiddenError):
                act()
    assert only(service, who) == letter
    assert audited(platform) == []
