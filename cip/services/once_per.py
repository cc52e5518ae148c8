"""Keeps what repeats out of a log: the first of a kind within a time is told, the rest is not."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final

MAX_KEPT: Final = 10_000


class OncePer:
    """Per process. Names that outsiders choose may come in any number: beyond what is kept the
    oldest goes, so name by what they cannot choose."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._told: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = Lock()

    def first(self, name: Hashable) -> bool:
        """Whether it was not asked for this name within the time."""
        now = self._clock()
        with self._lock:
            if now - self._told.get(name, float("-inf")) < self._seconds:
                return False
            self._told[name] = now
            self._told.move_to_end(name)
            if len(self._told) > MAX_KEPT:
                self._told.popitem(last=False)
        return True
