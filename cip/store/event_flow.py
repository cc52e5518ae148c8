"""Reads how far each consumer group of a tenant's stream has come, in two round trips."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis

from cip.domain.event_flow import EventFlow, GroupFlow
from cip.domain.tenants import TenantId
from cip.store import alarms, keys
from cip.store.client import Redis, required
from cip.store.streams import GROUPS

# Of the stream's nodes (a hundred entries each): all would block the server for long.
_SAMPLES: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read(client: Redis, tenant: TenantId) -> EventFlow:
    """Raises `UnavailableError` when Redis is away. Ages are by the server's own clock, which
    made the entries' ids."""
    stream = keys.events(tenant)
    with required():
        infos, about, size, dead, generation, time, *hashes = _ask(client, tenant)
        positions = _positions(infos)
        pipeline = client.pipeline(transaction=False)
        for group in GROUPS:
            pipeline.xrange(stream, f"({positions.get(group, '0-0')}", "+", count=1)
        pipeline.hmget(keys.live_meta(tenant, int(generation or 0)), ["applied", "late"])
        *oldest, (applied, late) = pipeline.execute()
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
    length, added = int(about.get("length", 0)), int(about.get("entries-added", 0))
    lags = _lags(infos, added)
    return EventFlow(
        groups=tuple(
            GroupFlow(
                group=group,
                position=_position(positions.get(group, "0-0")),
                # Of a group that is not there yet, every entry waits.
                lag=lags.get(group, length),
                oldest_waiting_seconds=_age(waiting, now_ms),
                alarm=alarms.parse(kept),
            )
            for group, waiting, kept in zip(GROUPS, oldest, hashes, strict=True)
        ),
        stream_length=length,
        stream_bytes=int(size or 0),
        dead_letters=dead,
        late_events=int(late or 0),
        events_counted=int(applied or 0),
    )


def _ask(client: Redis, tenant: TenantId) -> list[Any]:
    stream = keys.events(tenant)
    pipeline = client.pipeline(transaction=False)
    pipeline.xinfo_groups(stream)
    pipeline.xinfo_stream(stream)
    pipeline.memory_usage(stream, samples=_SAMPLES)
    pipeline.xlen(keys.dead_letters(tenant))
    pipeline.get(keys.live_generation(tenant))
    pipeline.time()
    for group in GROUPS:
        pipeline.hgetall(keys.ingest_alarm(tenant, group))
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    if isinstance(answers[0], redis.ResponseError) and "no such key" in str(answers[0]):
        answers[:2] = [], {}  # no event yet, and no consumer
    for answer in answers:
        if isinstance(answer, redis.RedisError):
            raise answer
    return answers


def _positions(infos: list[Any]) -> dict[str, str]:
    return {
        bytes(info["name"]).decode(): bytes(info["last-delivered-id"]).decode() for info in infos
    }


def _lags(infos: list[Mapping[str, Any]], added: int) -> dict[str, int | None]:
    return {bytes(info["name"]).decode(): _lag(info, added) for info in infos}


def _lag(info: Mapping[str, Any], added: int) -> int | None:
    """Where entries were deleted out of the middle the server does not say: at most so many."""
    if info["lag"] is not None:
        return int(info["lag"])
    read = info["entries-read"]
    return None if read is None else added - int(read)


def _milliseconds(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])


def _position(stream_id: str) -> datetime | None:
    ms = _milliseconds(stream_id)
    return _EPOCH + timedelta(milliseconds=ms) if ms else None


def _age(waiting: list[Any], now_ms: int) -> float | None:
    if not waiting:
        return None
    return max(0, now_ms - _milliseconds(bytes(waiting[0][0]).decode())) / 1000
