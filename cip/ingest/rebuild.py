"""Rebuild of the live counters from the history: how imports, undo, erase and demo seeding end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import structlog
from duckdb import DuckDBPyConnection

from cip import failpoints
from cip.domain.errors import ConflictError
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.history.query import connect, rows
from cip.history.table import HistoryTable
from cip.ingest.pause import Pause, await_history, paused
from cip.ingest.recount import Hour, first_seen, hours
from cip.store import keys
from cip.store.client import Redis
from cip.store.live_shape import KEPT_MINUTES, MICROSECONDS_PER_MINUTE, SEP, expires_at
from cip.store.scripts import script
from cip.store.streams import EventStream, Extent, pack

_PIPELINE: Final = 1_000
_MEMBERS: Final = 5_000  # of one PFADD, which blocks everyone
_UNFINISHED_SECONDS: Final = 600
_FORMER_SECONDS: Final = 60
log = structlog.get_logger(__name__)


def rebuild_live(
    client: Redis, history_root: str, tenant: TenantId, clock: Callable[[], datetime]
) -> int:
    """Counts the tenant's live figures anew and swaps them in; returns the events counted.

    Pauses the live counters at the stream's newest id, waits until the history holds everything
    up to it (drains it itself where no ingest process runs), recounts, and puts the new
    generation into force in one script. Raises `UnavailableError` when the history does not
    catch up, `ConflictError` when another rebuild runs.
    """
    stream = EventStream(client, tenant)
    stream.ensure_groups()
    table = HistoryTable(history_root, tenant)
    table.ensure()
    with paused(client, tenant) as pause:
        failpoints.hit("rebuild.after_pause")
        target = _Target(client, tenant, _new_generation(client))
        cut = stream.extent()
        await_history(client, history_root, tenant, pack(cut.last_id), clock)
        first_minute = microseconds(clock()) // MICROSECONDS_PER_MINUTE - KEPT_MINUTES + 1
        with connect(table) as connection:
            events = _write(
                target, connection, position=pack(cut.last_id), first_minute=first_minute
            )
        before = int(client.get(keys.live_generation(tenant)) or 0)
        failpoints.hit("rebuild.before_swap")
        _swap(target, before, cut, pause)
    failpoints.hit("rebuild.after_swap")
    client.unlink(*_lasting(tenant, before))
    log.info("live rebuilt", tenant=tenant, events=events, generation=target.generation)
    return events


def _new_generation(client: Redis) -> int:
    """The server's time in milliseconds: never used before, whatever an earlier try left."""
    seconds, microseconds_part = client.time()
    return int(seconds) * 1000 + int(microseconds_part) // 1000


@dataclass(frozen=True, slots=True)
class _Target:
    """The generation that is being written, which nobody reads yet."""

    client: Redis
    tenant: TenantId
    generation: int

    def write(self, key: str, fields: Mapping[Any, Any]) -> None:
        """Both or neither, so that nothing stays of a rebuild that does not come to its end.
        Whether one whose swap got no answer came to it nobody knows: so nothing is removed."""
        pipeline = self.client.pipeline(transaction=True)
        pipeline.hset(key, mapping=dict(fields))
        pipeline.expire(key, _UNFINISHED_SECONDS)
        pipeline.execute()


def _write(
    target: _Target, connection: DuckDBPyConnection, *, position: int, first_minute: int
) -> int:
    """Counts the rows up to the packed stream position (and all imported ones); how many."""
    for _, hour in hours(connection, position=position, first_minute=first_minute):
        _write_hour(target, hour)
    (whole,) = rows(connection, "live_extent", {"position": position})
    meta: dict[Any, Any] = {"applied": whole["applied"], "late": whole["late"]}
    if whole["newest_us"] is not None:
        meta["newest_us"] = whole["newest_us"]
    target.write(keys.live_meta(target.tenant, target.generation), meta)
    _write_first_seen(target, connection, position)
    return int(whole["applied"])


def _write_hour(target: _Target, hour: Hour) -> None:
    prefix = keys.live(target.tenant, target.generation)
    pipeline = target.client.pipeline(transaction=False)
    for key, fields in hour.sums.items():
        mapping: Mapping[Any, Any] = fields
        pipeline.hset(prefix + key, mapping=mapping)
        pipeline.expireat(prefix + key, _expiry(key))
    for key, customers in hour.people.items():
        for members in _chunks(customers, _MEMBERS):
            pipeline.pfadd(prefix + key, *members)
        pipeline.expireat(prefix + key, _expiry(key))
        if len(pipeline) >= _PIPELINE:
            pipeline.execute()
    pipeline.execute()


def _expiry(key: str) -> int:
    """As the script has it: a minute's or an hour's end plus its life."""
    unit, number = key.split(":")[:2]
    return expires_at(unit[0], int(number))


def _write_first_seen(target: _Target, connection: DuckDBPyConnection, position: int) -> None:
    key = keys.first_seen(target.tenant, target.generation)
    for chunk in first_seen(connection, position=position):
        for customers in _chunks(chunk, _PIPELINE):
            first = {
                customer: f"{at}{SEP}{channel}"
                for customer in customers
                for at, channel in (chunk[customer],)
            }
            target.write(key, first)


def _swap(target: _Target, before: int, cut: Extent, pause: Pause) -> None:
    tenant = target.tenant
    swapped = script(target.client, "swap_live")(
        keys=[
            keys.events(tenant),
            keys.live_generation(tenant),
            keys.live_paused(tenant),
            keys.version(tenant),
            *_lasting(tenant, target.generation),
            *_lasting(tenant, before),
        ],
        args=["live", target.generation, cut.last_id, cut.added, pause.token, _FORMER_SECONDS],
    )
    if not swapped:
        raise ConflictError("The pause lapsed before the rebuild was finished; run it again.")


def _lasting(tenant: TenantId, generation: int) -> tuple[str, str]:
    """What of a generation does not expire by itself; the buckets do."""
    return keys.first_seen(tenant, generation), keys.live_meta(tenant, generation)


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
