"""Checks a tenant's live counters against a recount of its history, and the history in itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from duckdb import DuckDBPyConnection

from cip.domain.errors import ConflictError
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.history.query import connect, rows
from cip.history.table import HistoryTable
from cip.ingest.comparing import LiveReader, compare_all
from cip.ingest.differences import Difference, Differences
from cip.ingest.pause import await_history, paused
from cip.store.client import Redis
from cip.store.live import LiveCounters
from cip.store.live_shape import KEPT_MINUTES, MICROSECONDS_PER_MINUTE
from cip.store.streams import DEDUPE_WINDOW, EventStream, pack

# Whoever counted an event may have had a clock a little behind: what it dropped as too old then.
_SKEW_MINUTES: Final = 5
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verification:
    """At `stream_id` live counters and history were compared. `events`: rows of the history up to
    there. `repeated_*`, `group_ahead`: what must not be in the history itself."""

    tenant: TenantId
    stream_id: str
    events: int
    compared: int
    differing: int
    total_difference: int
    differences: tuple[Difference, ...]
    repeated_event_ids: int
    repeated_positions: int
    group_ahead: bool

    @property
    def history_sound(self) -> bool:
        return not (self.repeated_event_ids or self.repeated_positions or self.group_ahead)

    @property
    def equal(self) -> bool:
        return not self.differing and self.history_sound


def verify(
    client: Redis, history_root: str, tenant: TenantId, clock: Callable[[], datetime]
) -> Verification:
    """Pauses the live counters where they stand, waits until the history is there too, and
    compares each of them with a recount up to there. Counting goes on where it stood afterwards,
    also when this is killed: the pause lapses.

    Raises `UnavailableError` when the history does not catch up, `ConflictError` when a rebuild or
    another check runs.
    """
    stream = EventStream(client, tenant)
    stream.ensure_groups()
    table = HistoryTable(history_root, tenant)
    table.ensure()
    with paused(client, tenant) as pause:
        place = stream.place("live")
        position = pack(place)
        await_history(client, history_root, tenant, position, clock)
        reader = LiveReader(client, tenant, LiveCounters(client, tenant).generation())
        with connect(table) as connection:
            found = Differences()
            events = compare_all(found, reader, connection, position, _first_minute(clock()))
            repeated_ids, repeated_positions = _repeated(connection, position)
        ahead = pack(stream.place("history")) > table.stream_position()
        pause.require_held()
        if stream.place("live") != place:
            raise ConflictError("The live counters moved during the check; run it again.")
    result = Verification(
        tenant=tenant,
        stream_id=place,
        events=events,
        compared=found.compared,
        differing=found.differing,
        total_difference=found.total,
        differences=tuple(found.named),
        repeated_event_ids=repeated_ids,
        repeated_positions=repeated_positions,
        group_ahead=position > 0 and ahead,
    )
    log.info("verified", tenant=tenant, compared=found.compared, differing=found.differing)
    return result


def _first_minute(now: datetime) -> int:
    """The first minute of the first hour that the counters still hold as a whole."""
    oldest = microseconds(now) // MICROSECONDS_PER_MINUTE - KEPT_MINUTES + 1 + _SKEW_MINUTES
    return -(-oldest // 60) * 60


def _repeated(connection: DuckDBPyConnection, position: int) -> tuple[int, int]:
    """Event ids and positions of streamed rows that are there twice."""
    window_ms = int(DEDUPE_WINDOW.total_seconds() * 1000)
    (ids,) = rows(connection, "repeated_ids", {"position": position, "window_ms": window_ms})
    (positions,) = rows(connection, "repeated_positions", {"position": position})
    return int(ids["events"]), int(positions["repeated"])
