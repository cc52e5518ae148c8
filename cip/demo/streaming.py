"""Streams several worlds' live events through the ingestion service, at their own pace."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from cip.demo.live import Due
from cip.domain.errors import UnavailableError
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.services.ingestion import IngestAnswer
from cip.stopping import StopRequest

_BATCH: Final = 500
_TICK_SECONDS: Final = 0.5
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 10.0

_LOG = structlog.get_logger(__name__)


class Ingestion(Protocol):
    def accept(self, tenant: TenantId, raw_events: Sequence[object]) -> IngestAnswer: ...


class _Source:
    """One tenant's events with the next one at hand."""

    def __init__(self, tenant: TenantId, events: Iterator[Due]) -> None:
        self.tenant = tenant
        self._events = events
        self._next = next(events, None)

    def due(self, now_us: int) -> list[dict[str, object]]:
        """At most a batch of the events that have happened by now."""
        batch: list[dict[str, object]] = []
        while self._next is not None and self._next.at_us <= now_us and len(batch) < _BATCH:
            batch.append(self._next.raw)
            self._next = next(self._events, None)
        return batch


@dataclass(slots=True)
class Sent:
    """What became of the events that were sent."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0


class LiveStream:
    """Sends each event once it has happened; a gap is filled first, in full batches.

    A batch that Redis did not take is sent again, unchanged, until it does: an event id counts
    once. `stop` ends it within a moment. `jitter` spreads the pauses between tries.
    """

    def __init__(
        self,
        ingestion: Ingestion,
        events: Sequence[tuple[TenantId, Iterator[Due]]],
        clock: Callable[[], datetime],
        stop: StopRequest,
        jitter: random.Random,
    ) -> None:
        self._ingestion = ingestion
        self._sources = [_Source(tenant, due) for tenant, due in events]
        self._clock = clock
        self._stop = stop
        self._jitter = jitter
        self.sent = Sent()

    def run(self) -> Sent:
        """Until `stop` is set."""
        while not self._stop.is_set():
            if not self.send_due():
                self._stop.wait(_TICK_SECONDS)
        return self.sent

    def send_due(self) -> int:
        """Sends one batch of each tenant of what is due; how many events that were."""
        now_us = microseconds(self._clock())
        total = 0
        for source in self._sources:
            if batch := source.due(now_us):
                self._send(source.tenant, batch)
                total += len(batch)
        return total

    def _send(self, tenant: TenantId, batch: list[dict[str, object]]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                answer = self._ingestion.accept(tenant, batch)
            except UnavailableError as error:
                _LOG.warning("demo_waits_for_redis", tenant=tenant, reason=error.message)
                self._stop.wait(pause * self._jitter.uniform(0.5, 1.5))
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
            else:
                self._count(tenant, answer)
                return

    def _count(self, tenant: TenantId, answer: IngestAnswer) -> None:
        self.sent.accepted += answer.accepted
        self.sent.duplicates += answer.duplicates
        self.sent.rejected += len(answer.rejected)
        if answer.rejected:
            first = answer.rejected[0]
            _LOG.error(
                "demo_events_rejected",
                tenant=tenant,
                count=len(answer.rejected),
                field=first.field,
                code=first.code,
            )
