"""Rebuild of the live counters from the history: how imports, undo, erase and demo seeding end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import structlog
from duckdb import DuckDBPyConnection

from cip.domain.errors import ConflictError, UnavailableError
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.ingest.consumers import TenantConsumer
from cip.ingest.recount import Recount, first_seen, recount
from cip.store import keys
from cip.store.client import Redis
from cip.store.leases import Lease
from cip.store.live_shape import MICROSECONDS_PER_MINUTE, SEP, expires_at
from cip.store.scripts import script
from cip.store.streams import EventStream, Extent, pack

PAUSE_MS: Final = 60_000
WAIT_SECONDS: Final = 120.0
_PIPELINE: Final = 1_000
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
    pause = Lease(client, keys.live_paused(tenant), PAUSE_MS)
    if not pause.acquire():
        raise ConflictError("Another rebuild of this tenant's live counters is under way.")
    generation = _new_generation(client)
    try:
        cut = stream.extent()
        position = pack(cut.last_id)
        _wait_for_history(client, history_root, tenant, position, clock, pause)
        with connect(table) as connection:
            now_minute = microseconds(clock()) // MICROSECONDS_PER_MINUTE
            counted = recount(connection, position=position, now_minute=now_minute)
            pause.extend()
            _write(client, tenant, generation, counted)
            _write_first_seen(client, tenant, generation, connection, position, pause)
        before = int(client.get(keys.live_generation(tenant)) or 0)
        _swap(client, tenant, generation, cut, pause)
    except BaseException:
        _discard(client, tenant, generation)
        pause.release()
        raise
    _discard(client, tenant, before)
    log.info("live rebuilt", tenant=tenant, events=counted.applied, generation=generation)
    return counted.applied


def _new_generation(client: Redis) -> int:
    """The server's time in milliseconds: never used before, whatever an earlier try left."""
    seconds, microseconds_part = client.time()
    return int(seconds) * 1000 + int(microseconds_part) // 1000


def _wait_for_history(
    client: Redis,
    history_root: str,
    tenant: TenantId,
    position: int,
    clock: Callable[[], datetime],
    pause: Lease,
) -> None:
    table = HistoryTable(history_root, tenant)
    deadline = time.monotonic() + WAIT_SECONDS
    while position > 0 and table.stream_position() < position:
        if time.monotonic() > deadline:
            raise UnavailableError("The history does not catch up with the stream.")
        pause.extend()
        with _owned(client, tenant) as mine:
            if mine:
                consumer = TenantConsumer(client, history_root, tenant, clock)
                consumer.prepare()
                consumer.history_step()
            else:
                time.sleep(0.1)


@contextmanager
def _owned(client: Redis, tenant: TenantId) -> Iterator[bool]:
    lease = Lease(client, keys.ingest_lease(tenant), PAUSE_MS)
    mine = lease.acquire()
    try:
        yield mine
    finally:
        if mine:
            lease.release()


def _write(client: Redis, tenant: TenantId, generation: int, counted: Recount) -> None:
    prefix = keys.live(tenant, generation)
    pipeline = client.pipeline(transaction=False)
    for key, fields in counted.sums.items():
        mapping: Mapping[Any, Any] = fields
        pipeline.hset(prefix + key, mapping=mapping)
        pipeline.expireat(prefix + key, _expiry(key))
        if len(pipeline) >= _PIPELINE:
            pipeline.execute()
    for key, customers in counted.people.items():
        pipeline.pfadd(prefix + key, *customers)
        pipeline.expireat(prefix + key, _expiry(key))
        if len(pipeline) >= _PIPELINE:
            pipeline.execute()
    meta: dict[Any, Any] = {"applied": counted.applied, "late": counted.late}
    if counted.newest_us is not None:
        meta["newest_us"] = counted.newest_us
    pipeline.hset(keys.live_meta(tenant, generation), mapping=meta)
    pipeline.execute()


def _expiry(key: str) -> int:
    """As the script has it: a minute's or an hour's end plus its life."""
    unit, number = key.split(":")[:2]
    return expires_at(unit[0], int(number))


def _write_first_seen(
    client: Redis,
    tenant: TenantId,
    generation: int,
    connection: DuckDBPyConnection,
    position: int,
    pause: Lease,
) -> None:
    key = keys.first_seen(tenant, generation)
    for chunk in first_seen(connection, position=position):
        pipeline = client.pipeline(transaction=False)
        items = [(who, f"{first}{SEP}{channel}") for who, (first, channel) in chunk.items()]
        for start in range(0, len(items), _PIPELINE):
            pipeline.hset(key, mapping=dict(items[start : start + _PIPELINE]))
        pipeline.execute()
        pause.extend()


def _swap(client: Redis, tenant: TenantId, generation: int, cut: Extent, pause: Lease) -> None:
    swapped = script(client, "swap_live")(
        keys=[
            keys.events(tenant),
            keys.live_generation(tenant),
            keys.live_paused(tenant),
            keys.version(tenant),
        ],
        args=["live", generation, cut.last_id, cut.added, pause.token],
    )
    if not swapped:
        raise ConflictError("The pause lapsed before the rebuild was finished; run it again.")


def _discard(client: Redis, tenant: TenantId, generation: int) -> None:
    """Drops what does not expire by itself; the buckets do."""
    client.unlink(keys.first_seen(tenant, generation), keys.live_meta(tenant, generation))
