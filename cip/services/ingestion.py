"""Accepting events: parse, validate, dedupe, append. Answers only after Redis holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cip.domain.errors import TooLargeError
from cip.domain.events import (
    MAX_EVENTS_PER_REQUEST,
    Event,
    EventRejectedError,
    parse_event,
)
from cip.domain.tenants import Tenant, TenantId
from cip.store.client import Redis, required
from cip.store.streams import EventStream
from cip.store.tenants import TenantStore


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
        """Takes the good events of a batch and says of each bad one what is wrong with it."""
        if len(raw_events) > MAX_EVENTS_PER_REQUEST:
            raise TooLargeError(
                f"At most {MAX_EVENTS_PER_REQUEST} events a request.", field="events"
            )
        good, rejected = self._parse(self._tenants.get(tenant), raw_events)
        with required():
            ids = EventStream(self._writes, tenant).append(good)
        accepted = sum(stream_id is not None for stream_id in ids)
        return IngestAnswer(accepted, len(ids) - accepted, tuple(rejected))

    def _parse(
        self, tenant: Tenant, raw_events: Sequence[object]
    ) -> tuple[list[Event], list[Rejection]]:
        now = self._clock()
        good: list[Event] = []
        rejected: list[Rejection] = []
        for index, raw in enumerate(raw_events):
            try:
                good.append(parse_event(raw, tenant=tenant, now=now))
            except EventRejectedError as error:
                rejected.append(
                    Rejection(index, _event_id(raw), error.field, error.code, error.message)
                )
        return good, rejected


def _event_id(raw: object) -> str | None:
    value = raw.get("event_id") if isinstance(raw, dict) else None
    return value[:256] if isinstance(value, str) else None
