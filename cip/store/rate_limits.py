"""How many requests a caller may send, counted in Redis a few at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis, required
from cip.store.scripts import script

WINDOW: Final = timedelta(minutes=1)
_WINDOW_US: Final = WINDOW // timedelta(microseconds=1)
_SECOND_US: Final = 1_000_000
# Counting is a write, which waits for the disk: a worker takes this share of a limit at once.
_PIECES: Final = 600
# What a worker took and does not use by then is lost to the caller.
KEPT_SECONDS: Final = 10.0
_MOST_KEPT: Final = 4_096


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a request. `retry_after_seconds`: 0 where it was taken."""

    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """Requests that are counted already. `allowance` is that after the last of them."""

    left: int
    allowance: Allowance
    until: float


class RateLimits:
    """Never lets through more than the limit. Of a limit above 600 a worker takes several at once;
    while callers spread over workers, as many for each of them may stay unused. Raises
    `UnavailableError` when Redis is away.

    `clock` is Redis's own where none is given, so that all processes mean the same time.
    """

    def __init__(
        self,
        writes: Redis,
        clock: Callable[[], datetime] | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take_request = script(writes, "take_request")
        self._clock = clock
        self._monotonic = monotonic
        self._kept: dict[str, _Kept] = {}
        self._lock = Lock()

    def take(self, tenant: TenantId, caller: str, what: str, limit: int) -> Allowance:
        """Takes one of the `limit` requests a minute that the caller has for `what`."""
        key = keys.requests_of(tenant, caller, what)
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept.allowance.limit == limit and self._monotonic() < kept.until:
                return self._spend(key, kept)
        now = "" if self._clock is None else microseconds(self._clock())
        wanted = max(1, limit // _PIECES)
        with required():
            answer: Any = self._take_request(keys=[key], args=[limit, _WINDOW_US, now, wanted])
        taken, remaining, reset_us, wait_us = (int(part) for part in answer)
        if not taken:
            return Allowance(limit, remaining, _seconds(reset_us), _seconds(wait_us))
        allowance = Allowance(limit, remaining, _seconds(reset_us), 0)
        with self._lock:
            return self._spend(key, self._added(key, taken, allowance))

    def _added(self, key: str, taken: int, allowance: Allowance) -> _Kept:
        """Two threads may have asked at once: what both took is kept."""
        now = self._monotonic()
        if len(self._kept) >= _MOST_KEPT:
            self._kept = {name: one for name, one in self._kept.items() if one.until > now}
        kept = self._kept.get(key)
        others = kept.left if kept and kept.until > now else 0
        return _Kept(taken + others, allowance, now + KEPT_SECONDS)

    def _spend(self, key: str, kept: _Kept) -> Allowance:
        left = kept.left - 1
        if left:
            self._kept[key] = replace(kept, left=left)
        else:
            self._kept.pop(key, None)
        return replace(kept.allowance, remaining=kept.allowance.remaining + left)


def _seconds(us: int) -> int:
    return max(1, math.ceil(us / _SECOND_US))
