"""Says when the same thing happens again too soon to be told again."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

MAX_KEPT: Final = 10_000


class Once:
    """Per process, and without a lock: told twice now and then does no harm."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._told: dict[Hashable, float] = {}

    def first(self, name: Hashable) -> bool:
        """Whether it was not asked for this name within the time."""
        now = self._clock()
        if now - self._told.get(name, float("-inf")) < self._seconds:
            return False
        if len(self._told) >= MAX_KEPT:
            self._told.clear()
        self._told[name] = now
        return True
