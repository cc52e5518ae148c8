"""Accepting events: parse, validate, dedupe, append. Answers only after Redis holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from cip import failpoints
from cip.domain.dead_letters import RejectedEvent
from cip.domain.errors import TooLargeError
from cip.domain.events import (
    MAX_EVENTS_PER_REQUEST,
    MAX_ID_CHARACTERS,
    Event,
    EventRejectedError,
    parse_event,
)
from cip.domain.nested import written
from cip.domain.tenants import Tenant, TenantId
from cip.store.client import Redis, required
from cip.store.dead_letters import DeadLetters
from cip.store.streams import EventStream, TombstonesChangedError
from cip.store.tenants import TenantStore
from cip.store.tombstones import Erased, Tombstones

_EARLIEST_US = -(2**53)
_ERASED = "This customer was erased; events of before that are not taken."


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """An event of a batch that is not JSON, as it was sent."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event of a batch was not taken. `index` is its place in the request, from 0."""

    index: int
    event_id: str | None
    field: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class IngestAnswer:
    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]


class IngestionService:
    """Raises `UnavailableError` when Redis does not answer: what was not acknowledged may be
    sent again, since an event id counts once."""

    def __init__(self, writes: Redis, tenants: TenantStore, clock: Callable[[], datetime]) -> None:
        self._writes = writes
        self._tenants = tenants
        self._clock = clock

    def accept(self, tenant: TenantId, raw_events: Sequence[object]) -> IngestAnswer:
        """Takes the good events of a batch, and says of each bad one what is wrong with it. The
        bad ones are kept as dead letters, but for those of customers who were erased."""
        if len(raw_events) > MAX_EVENTS_PER_REQUEST:
            raise TooLargeError(
                f"At most {MAX_EVENTS_PER_REQUEST} events a request.", field="events"
            )
        failpoints.hit("accept.before_parse")
        good, rejected = _parse(self._tenants.get(tenant), raw_events, self._clock())
        failpoints.hit("accept.before_append")
        with required():
            ids, refused, erased = self._append(tenant, good)
            # After the good ones: a repeat of the whole finds those as duplicates, and these
            # letters as written already.
            self._keep(tenant, raw_events, rejected, erased)
        failpoints.hit("accept.after_append")
        accepted = sum(stream_id is not None for stream_id in ids)
        return IngestAnswer(
            accepted,
            len(ids) - accepted,
            tuple(sorted([*rejected, *refused], key=lambda one: one.index)),
        )

    def _append(
        self, tenant: TenantId, good: Sequence[tuple[int, Event]]
    ) -> tuple[list[str | None], list[Rejection], Erased]:
        """Appends what is not of an erased customer. Looks for erasures again when one came in
        between; there are fewer of them than of batches."""
        stream = EventStream(self._writes, tenant)
        tombstones = Tombstones(self._writes, tenant)
        ids: list[str | None] = []
        refused: list[Rejection] = []
        left = good
        while True:
            erased = tombstones.current()
            kept, gone = _split(left, erased) if erased else (left, [])
            refused += gone
            events = [event for _, event in kept]
            try:
                ids += stream.append(events, tombstones_version=erased.version)
            except TombstonesChangedError as changed:
                ids += changed.answers
                left = kept[len(changed.answers) :]
                continue
            return ids, refused, erased

    def _keep(
        self,
        tenant: TenantId,
        raw_events: Sequence[object],
        rejected: Sequence[Rejection],
        erased: Erased,
    ) -> None:
        tombstones = Tombstones(self._writes, tenant)
        while rejected:
            letters = [
                _letter(raw_events[one.index], one)
                for one in rejected
                if not (erased and _is_of(erased, raw_events[one.index]))
            ]
            try:
                DeadLetters(self._writes, tenant).keep(letters, erased.version)
            except TombstonesChangedError:
                erased = tombstones.current()
                continue
            return


def _parse(
    tenant: Tenant, raw_events: Sequence[object], now: datetime
) -> tuple[list[tuple[int, Event]], list[Rejection]]:
    good: list[tuple[int, Event]] = []
    rejected: list[Rejection] = []
    for index, raw in enumerate(raw_events):
        try:
            good.append((index, _event(raw, tenant, now)))
        except EventRejectedError as error:
            rejected.append(
                Rejection(index, _event_id(raw), error.field, error.code, error.message)
            )
    return good, rejected


def _event(raw: object, tenant: Tenant, now: datetime) -> Event:
    if isinstance(raw, UnreadableLine):
        raise EventRejectedError("This cannot be read as JSON.", code="not_json")
    return parse_event(raw, tenant=tenant, now=now)


def _split(
    good: Sequence[tuple[int, Event]], erased: Erased
) -> tuple[list[tuple[int, Event]], list[Rejection]]:
    kept: list[tuple[int, Event]] = []
    refused: list[Rejection] = []
    for index, event in good:
        if erased.covers(event.customer_id, event.occurred_at_us):
            refused.append(Rejection(index, event.event_id, "customer_id", "erased", _ERASED))
        else:
            kept.append((index, event))
    return kept, refused


def _is_of(erased: Erased, raw: object) -> bool:
    """Whether a rejected event names somebody who was erased, whenever it happened."""
    customer = raw.get("customer_id") if isinstance(raw, dict) else None
    return isinstance(customer, str) and erased.covers(customer, _EARLIEST_US)


def _letter(raw: object, rejection: Rejection) -> RejectedEvent:
    return RejectedEvent(_as_sent(raw), rejection.code, rejection.field, rejection.message)


def _as_sent(raw: object) -> bytes:
    if isinstance(raw, UnreadableLine):
        return raw.payload
    try:
        return orjson.dumps(raw)
    except orjson.JSONEncodeError:
        # It reads what is nested more deeply than it writes.
        return written(raw)


def _event_id(raw: object) -> str | None:
    value = raw.get("event_id") if isinstance(raw, dict) else None
    return value[:MAX_ID_CHARACTERS] if isinstance(value, str) else None
