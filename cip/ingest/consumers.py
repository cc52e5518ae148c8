"""One tenant's stream, consumed by its two groups: live counters and history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from cip import failpoints
from cip.domain.events import Event, microseconds
from cip.domain.tenants import TenantId
from cip.history.table import HistoryTable
from cip.ingest.frames import rows
from cip.store import keys, live
from cip.store.client import Redis
from cip.store.dead_letters import DeadLetters
from cip.store.live import LiveCounters
from cip.store.live_batch import LiveBatch, sum_up
from cip.store.live_shape import MICROSECONDS_PER_MINUTE
from cip.store.streams import Entry, EventStream, Group, PoisonError, decode, pack, unpack
from cip.store.tombstones import Tombstones

LIVE_BATCH: Final = 500  # a script blocks everyone: some 6 ms a thousand events
HISTORY_BATCH: Final = 5_000

log = structlog.get_logger(__name__)
# Waits for the server while the step that asked goes on.
_APPLYING: Final = ThreadPoolExecutor(1, thread_name_prefix="applying")


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries behind `start`, and what of them is to be counted and kept: poison and events of
    erased customers are not."""

    start: str
    entries: Sequence[Entry]
    good: Sequence[tuple[Entry, Event]]

    @property
    def end(self) -> str:
        return self.entries[-1].stream_id


@dataclass(frozen=True, slots=True)
class Counted:
    """A batch, and what it adds to the live counters."""

    batch: Batch
    sums: LiveBatch


class TenantConsumer:
    """Used by whoever holds the tenant's lease. Each step does one batch, and repeats safely: it
    begins where the group stands, and whoever comes second finds that the group has moved."""

    def __init__(
        self, client: Redis, history_root: str, tenant: TenantId, clock: Callable[[], datetime]
    ) -> None:
        self.tenant = tenant
        self._client = client
        self._clock = clock
        self._stream = EventStream(client, tenant)
        self._letters = DeadLetters(client, tenant)
        self._tombstones = Tombstones(client, tenant)
        self._counters = LiveCounters(client, tenant)
        self._table = HistoryTable(history_root, tenant)
        self._ahead: Counted | None = None
        self._places: dict[Group, str] = {}  # where each group stands; asked anew after a failure

    def prepare_live(self) -> None:
        """All that counting needs: it goes on where the history cannot be opened."""
        self._stream.ensure_groups()

    def prepare(self) -> None:
        self._stream.ensure_groups()
        self._table.recover(acknowledged=pack(self._stream.place("history")))
        if self._stream.raise_last_id(unpack(max(self._table.stream_position(), 0))):
            log.warning("the stream was behind the history", tenant=self.tenant)

    def live_step(self) -> int:
        """Counts one batch; how many entries it finished. Waits (0) while a rebuild runs.

        While the server counts a full batch, the one behind it is summed up here.
        """
        counted, self._ahead = self._ahead or self._count(self._next("live", LIVE_BATCH)), None
        if counted is None:
            return 0
        failpoints.hit("live.before_apply")
        if len(counted.batch.entries) < LIVE_BATCH:
            answer = self._apply(counted)
        else:
            behind = self._stream.after(counted.batch.end, LIVE_BATCH)
            applying = _APPLYING.submit(self._apply, counted)
            self._ahead = self._count(self._batch(counted.batch.end, behind))
            answer = applying.result()
        failpoints.hit("live.after_apply")
        if answer < 0:
            self._ahead = None
            return 0
        self._places["live"] = counted.batch.end
        return len(counted.batch.entries)

    def _count(self, batch: Batch | None) -> Counted | None:
        if batch is None:
            return None
        failpoints.hit("live.after_read")
        now_minute = microseconds(self._clock()) // MICROSECONDS_PER_MINUTE
        return Counted(batch, sum_up((event for _, event in batch.good), now_minute=now_minute))

    def _apply(self, counted: Counted) -> int:
        """How many were applied; negative: PAUSED or MOVED."""
        while True:
            answer = self._counters.apply(
                counted.sums,
                start=counted.batch.start,
                end=counted.batch.end,
                count=len(counted.batch.entries),
                generation=self._counters.generation(),
            )
            if answer != live.SUPERSEDED:
                return answer

    def history_step(self) -> int:
        """Commits one batch to the history, durably; how many entries it finished."""
        batch = self._next("history", HISTORY_BATCH)
        if batch is None:
            return 0
        failpoints.hit("history.after_read")
        position = batch.entries[-1].position
        self._table.append_stream(rows(batch.good), position)
        failpoints.hit("history.after_sync")
        self._client.set(keys.history_position(self.tenant), position)
        moved = self._stream.advance(
            "history", start=batch.start, end=batch.end, count=len(batch.entries)
        )
        failpoints.hit("history.after_advance")
        if not moved:
            log.warning("history moved by another", tenant=self.tenant)
            return 0
        self._places["history"] = batch.end
        return len(batch.entries)

    def _next(self, group: Group, count: int) -> Batch | None:
        """The next batch. Until it is finished, the group's place is asked for anew."""
        start = self._places.pop(group, None) or self._stream.place(group)
        batch = self._batch(start, self._stream.after(start, count))
        if batch is None:
            self._places[group] = start
        return batch

    def _batch(self, start: str, entries: Sequence[Entry]) -> Batch | None:
        if not entries:
            return None
        # Looked at after reading: whoever is erased from here on waits for these to be stored.
        erased = self._tombstones.current()
        good = self._parse(entries)
        if erased:
            good = [
                (entry, event)
                for entry, event in good
                if not erased.covers(event.customer_id, event.occurred_at_us)
            ]
        return Batch(start, entries, good)

    def _parse(self, entries: Sequence[Entry]) -> list[tuple[Entry, Event]]:
        """What can be read. What cannot has its dead letter before anything moves past it."""
        good: list[tuple[Entry, Event]] = []
        for entry in entries:
            try:
                good.append((entry, decode(entry.payload)))
            except PoisonError as error:
                self._letters.bury(entry, error)
                log.warning(
                    "dead letter",
                    tenant=self.tenant,
                    stream_id=entry.stream_id,
                    code=error.code,
                    field=error.field,
                )
        return good
