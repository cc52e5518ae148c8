"""Seeding a demo tenant's history, and finding out what was seeded and streamed before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cip.demo.frame import to_history
from cip.demo.spec import DemoSpec
from cip.demo.world import World
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.history.query import connect
from cip.history.table import SCHEMA, HistoryTable

_STAMP: Final = "%Y%m%dT%H%M%SZ"
# A longer absence is not made up for: the stream goes on from this long ago.
LONGEST_GAP: Final = timedelta(days=60)

Progress = Callable[[float], None]
Rebuild = Callable[[TenantId], object]


@dataclass(frozen=True, slots=True)
class Seeded:
    """`events` is how many were written now; None where the history had them already."""

    world: World
    events: int | None


def seed(
    spec: DemoSpec,
    table: HistoryTable,
    now: datetime,
    rebuild: Rebuild,
    progress: Progress,
    *,
    recount: bool = False,
) -> Seeded:
    """Makes sure that the tenant's history holds its seed and its live counters know of it.

    Safe to repeat: after an interruption it takes up where it stopped. The seed ends at `now`
    the first time, and stays. `recount`: the live counters are known to be lost.
    """
    table.ensure()
    end = seeded_until(spec, table)
    world = World(spec, now if end is None else end)
    events = None
    if end is None:
        rows = to_history(
            world.seed_events(progress), SCHEMA, microseconds(world.seed_end), world.import_id
        )
        events = table.append_import(rows, world.import_id)
    # Written after the rebuild, so that one that was interrupted is done again.
    counted = table.folder / f"{world.import_id}.counted"
    if recount:
        counted.unlink(missing_ok=True)
    if not counted.exists():
        rebuild(spec.tenant)
        counted.touch()
    return Seeded(world, events)


def seeded_until(spec: DemoSpec, table: HistoryTable) -> datetime | None:
    """The end of the seed that the history holds, which the seed's import id tells."""
    prefix = f"demo-{spec.seed}-"
    with connect(table) as history:
        found = history.execute(
            "SELECT max(import_id) FROM events WHERE starts_with(import_id, $prefix)",
            {"prefix": prefix},
        ).fetchone()
    if found is None or found[0] is None:
        return None
    return datetime.strptime(found[0].removeprefix(prefix), _STAMP).replace(tzinfo=UTC)


def streamed_until(world: World, table: HistoryTable) -> int:
    """The instant (microseconds) of the newest simulated event that the history holds.

    What is accepted but not yet in the history is simulated again, and dropped as a duplicate.
    """
    with connect(table) as history:
        found = history.execute(
            "SELECT epoch_us(max(occurred_at)) FROM events WHERE starts_with(event_id, $prefix)",
            {"prefix": f"{world.ids.prefix}-"},
        ).fetchone()
    newest = found[0] if found is not None else None
    return max(int(newest or 0), microseconds(world.seed_end) - 1)


def resume_from(world: World, table: HistoryTable, now: datetime) -> int:
    """Where the live stream goes on: after the newest event, but at most `LONGEST_GAP` ago."""
    return max(streamed_until(world, table), microseconds(now - LONGEST_GAP))
