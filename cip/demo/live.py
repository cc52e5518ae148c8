"""Live events: the same world, from an instant on, in the form that the API takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cip.demo.browsing import DAY
from cip.demo.frame import raw_events
from cip.demo.world import World

_SLICE: Final = 500


@dataclass(frozen=True, slots=True)
class Due:
    """A raw event and the instant (microseconds since 1970) at which it happens."""

    at_us: int
    raw: dict[str, object]


def follow(world: World, after_us: int) -> Iterator[Due]:
    """Every event after `after_us`, in order, until the world ends some two years later.

    Simulates one even day at a time, when it is asked for.
    """
    start = after_us + 1
    day = int(world.clock.even(start) / DAY)
    while day < world.clock.weeks * 7:
        day += 1
        end = int(world.clock.instants(np.array([day * DAY]))[0])
        if end <= start:
            continue
        table = world.between(start, end)
        for offset in range(0, table.num_rows, _SLICE):
            part = table.slice(offset, _SLICE)
            instants = part["at_us"].to_pylist()
            for at_us, raw in zip(instants, raw_events(part), strict=True):
                yield Due(at_us, raw)
        start = end
