"""How much room the platform has, as Redis alone tells it; and what is told to it of the disks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson
import redis

from cip.domain.backpressure import Backlog, Limits, Room, fair_length, is_crowded
from cip.domain.errors import UnavailableError
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import AWAY, Redis, required

POLL_SECONDS: Final = 0.5
# Speeds are taken over this long: of half a second they would be noise.
SPEED_SECONDS: Final = 5.0
STORAGE_KEPT_SECONDS: Final = 60
_LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NONE: Final = Backlog(0, 0)


@dataclass(slots=True)
class _Known:
    """What a worker knows of one tenant; `since` and `then`: the lag that speeds are told from."""

    backlog: Backlog = _NONE
    good: float = float("-inf")
    failed: float = float("-inf")
    since: float = float("-inf")
    then: int = 0
    lock: Lock = field(default_factory=Lock)


class Pressure:
    """Asked on every request that brings events; reads Redis every half second for each tenant.

    Raises `UnavailableError` when Redis is away. `limits` says from when on shares are asked."""

    def __init__(
        self, reads: Redis, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reads = reads
        self._limits = limits
        self._clock = clock
        self._tenants: dict[TenantId, _Known] = {}
        self._guard = Lock()
        self._room = Room()
        self._room_read = float("-inf")

    def look(self, tenant: TenantId) -> tuple[Room, Backlog]:
        """What is known; where it is older than half a second, one thread reads it anew. The
        others go on with the last reading, unless there is none."""
        with self._guard:
            known = self._tenants.setdefault(tenant, _Known())
        asked = self._clock()
        is_first = known.good == float("-inf")
        if asked - known.good > POLL_SECONDS and known.lock.acquire(blocking=is_first):
            try:
                self._poll(tenant, known)
            finally:
                known.lock.release()
        return self._room, known.backlog

    def _poll(self, tenant: TenantId, known: _Known) -> None:
        now = self._clock()
        if now - known.good <= POLL_SECONDS:
            return  # another thread did, while this one waited for it
        if now - known.failed <= POLL_SECONDS:
            raise UnavailableError("The data store does not answer. Try again shortly.")
        try:
            with required():
                backlog = self._read(tenant, now)
        except UnavailableError:
            known.failed = self._clock()
            raise
        if now - known.since > 2 * SPEED_SECONDS:
            known.since, known.then = now, backlog.lag
        passed = now - known.since
        falling = (known.then - backlog.lag) / passed if passed else 0.0
        if passed > SPEED_SECONDS:
            known.since, known.then = now, backlog.lag
        known.backlog, known.good = replace(backlog, falling=falling), now

    def _read(self, tenant: TenantId, now: float) -> Backlog:
        """One round trip; a second one, for everybody's share, while memory is short."""
        asks_room = now - self._room_read > POLL_SECONDS
        pipeline = self._reads.pipeline(transaction=False)
        pipeline.xinfo_stream(keys.events(tenant))
        pipeline.xinfo_groups(keys.events(tenant))
        if asks_room:
            pipeline.info("memory")
            pipeline.get(keys.STORAGE)
        stream, groups, *room = map(_told, pipeline.execute(raise_on_error=False))
        if room:
            self._room, self._room_read = Room(_share(room[0]), _free(room[1])), now
        if not stream:
            return Backlog(0, 0)
        fair = self._fair_length() if is_crowded(self._room, self._limits) else None
        return Backlog(_lag(stream, groups or []), int(stream["length"]), fair=fair)

    def _fair_length(self) -> int:
        tenants: Any = self._reads.hkeys(keys.TENANTS)
        pipeline = self._reads.pipeline(transaction=False)
        for name in tenants:
            pipeline.xlen(keys.events(TenantId(name.decode())))
        return fair_length(pipeline.execute())


def publish_storage(client: Redis, history_root: str) -> None:
    """Tells the web what the disks have left: those of the history and of Redis's own log, where
    they are this machine's. An ingest process says it again and again."""
    found = [usage for folder in _folders(client, history_root) if (usage := _usage(folder))]
    if found:
        text = orjson.dumps([{"free": free, "total": total} for free, total in found])
        client.set(keys.STORAGE, text, ex=STORAGE_KEPT_SECONDS)


def _folders(client: Redis, history_root: str) -> Iterable[Path]:
    if "://" not in history_root:
        yield Path(history_root)
    options = client.connection_pool.connection_kwargs
    if "path" in options or options.get("host") in _LOCAL_HOSTS:
        try:
            answer: Any = client.config_get("dir")
        except redis.ResponseError:
            return  # a server that does not tell its configuration
        yield Path(answer["dir"])


def _usage(folder: Path) -> tuple[int, int] | None:
    """(free, total) bytes of the volume that the folder is on, or will be."""
    for place in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return usage.free, usage.total
    return None


def _told(answer: Any) -> Any:
    """None where there is no such key, or the server does not tell us: unknown, no objection."""
    if isinstance(answer, AWAY):
        raise answer
    return None if isinstance(answer, redis.ResponseError) else answer


def _share(info: dict[str, Any] | None) -> float | None:
    if info is None:
        return None
    limit = int(info.get("maxmemory") or 0) or int(info.get("total_system_memory") or 0)
    return int(info["used_memory"]) / limit if limit else None


def _free(text: bytes | None) -> int | None:
    try:
        return min((int(volume["free"]) for volume in orjson.loads(text or b"[]")), default=None)
    except (ValueError, TypeError, KeyError):
        return None


def _lag(stream: dict[str, Any], groups: list[Any]) -> int:
    """Of the slower group; before there is one, all that is there."""
    added = int(stream["entries-added"])
    # The server does not know a group's lag once entries were deleted out of the middle.
    lags = [
        added - int(group["entries-read"] or 0) if group["lag"] is None else int(group["lag"])
        for group in groups
    ]
    return max(lags, default=int(stream["length"]))
