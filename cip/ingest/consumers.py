"""One tenant's stream, consumed by its two groups: live counters and history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog

from cip.domain.events import Event, microseconds
from cip.domain.tenants import TenantId
from cip.history.table import HistoryTable
from cip.ingest.frames import rows
from cip.store import keys, live
from cip.store.client import Redis
from cip.store.live import LiveCounters
from cip.store.streams import Entry, EventStream, Group, PoisonError, decode

LIVE_BATCH: Final = 500
HISTORY_BATCH: Final = 5_000
COMPACT_ABOVE_FILES: Final = 100

log = structlog.get_logger(__name__)


class TenantConsumer:
    """Used by whoever holds the tenant's lease. Each step does one batch, and repeats safely:
    after any failure the next step begins with what was delivered and not acknowledged."""

    def __init__(
        self, client: Redis, history_root: str, tenant: TenantId, clock: Callable[[], datetime]
    ) -> None:
        self.tenant = tenant
        self._client = client
        self._clock = clock
        self._stream = EventStream(client, tenant)
        self._counters = LiveCounters(client, tenant)
        self._table = HistoryTable(history_root, tenant)
        self._unsure: set[Group] = {"live", "history"}  # may have pending entries

    def prepare(self) -> None:
        self._stream.ensure_groups()
        self._table.ensure()

    def live_step(self) -> int:
        """Counts one batch; how many entries it finished. Waits (0) while a rebuild runs."""
        entries = self._read("live", LIVE_BATCH)
        if not entries:
            return 0
        good, poison = self._parse(entries)
        self._stream.acknowledge("live", poison)
        if not good:
            return len(entries)
        now_minute = microseconds(self._clock()) // live.MICROSECONDS_PER_MINUTE
        applied = live.SUPERSEDED
        while applied == live.SUPERSEDED:
            applied = self._counters.apply(
                good, now_minute=now_minute, generation=self._counters.generation()
            )
        if applied == live.PAUSED:
            return 0
        return len(entries)

    def history_step(self) -> int:
        """Commits one batch to the history, durably, and acknowledges it; how many entries."""
        entries = self._read("history", HISTORY_BATCH)
        if not entries:
            return 0
        if self._stream.oldest_pending("history") != entries[0].stream_id:
            # A process that lost the lease and does not know it yet was given the entries before
            # these. The position may not pass them: the next step reads them all, as pending.
            log.warning("history out of turn", tenant=self.tenant)
            return 0
        good, _ = self._parse(entries)
        position = entries[-1].position
        self._table.append_stream(rows(good), position)
        self._client.set(keys.history_position(self.tenant), position)
        self._stream.acknowledge("history", [entry.stream_id for entry in entries])
        return len(entries)

    def maintain(self) -> None:
        """Trims what both groups have finished; merges small files."""
        self._stream.trim()
        if self._table.compact(above_files=COMPACT_ABOVE_FILES):
            log.info("history compacted", tenant=self.tenant)

    def _read(self, group: Group, count: int) -> list[Entry]:
        """A batch: pending entries first, while there may be any."""
        if group in self._unsure:
            pending = self._stream.read(group, count, pending_after="0")
            if pending:
                return pending
        # What fails from here on, be it the answer to this very read, is on that list alone.
        self._unsure.add(group)
        entries = self._stream.read(group, count)
        if not entries:
            self._unsure.remove(group)
        return entries

    def _parse(self, entries: Sequence[Entry]) -> tuple[list[tuple[Entry, Event]], list[str]]:
        """What can be read, and the ids of what cannot, whose dead letters are written."""
        good: list[tuple[Entry, Event]] = []
        poison: list[str] = []
        for entry in entries:
            try:
                good.append((entry, decode(entry.payload)))
            except PoisonError as error:
                self._stream.bury(entry, error)
                poison.append(entry.stream_id)
                log.warning(
                    "dead letter",
                    tenant=self.tenant,
                    stream_id=entry.stream_id,
                    code=error.code,
                    field=error.field,
                )
        return good, poison
