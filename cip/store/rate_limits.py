"""How many requests a caller may send, counted in Redis: one round trip a request."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis, required
from cip.store.scripts import script

WINDOW: Final = timedelta(minutes=1)
_WINDOW_US: Final = WINDOW // timedelta(microseconds=1)
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a request. `retry_after_seconds`: 0 where it was taken."""

    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


class RateLimits:
    """Raises `UnavailableError` when Redis is away.

    `clock` is Redis's own where none is given, so that all processes mean the same time.
    """

    def __init__(self, writes: Redis, clock: Callable[[], datetime] | None = None) -> None:
        self._take_request = script(writes, "take_request")
        self._clock = clock

    def take(self, tenant: TenantId, caller: str, what: str, limit: int) -> Allowance:
        """Takes one of the `limit` requests a minute that the caller has for `what`."""
        now = "" if self._clock is None else microseconds(self._clock())
        with required():
            answer: Any = self._take_request(
                keys=[keys.requests_of(tenant, caller, what)], args=[limit, _WINDOW_US, now]
            )
        taken, remaining, reset_us, wait_us = (int(part) for part in answer)
        return Allowance(limit, remaining, _seconds(reset_us), 0 if taken else _seconds(wait_us))


def _seconds(us: int) -> int:
    return max(1, math.ceil(us / _SECOND_US))
