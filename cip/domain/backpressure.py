"""When events are refused for want of room: the arithmetic of lag, memory and disk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from cip.domain.errors import CipError, ThrottledError, UnavailableError

LONGEST_RETRY_SECONDS: Final = 60
MEMORY_RETRY_SECONDS: Final = 10
DISK_RETRY_SECONDS: Final = 60
# A stream this short is nobody's burden, whatever its share is of all of them.
SMALL_BACKLOG: Final = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """`crowded` and `full` are shares of the store's memory."""

    lag_events: int = 1_000_000
    free_disk_bytes: int = 1024**3
    crowded: float = 0.75
    full: float = 0.85


@dataclass(frozen=True, slots=True)
class Room:
    """What the whole platform has left; None: unknown, which is no objection."""

    memory: float | None = None  # the share that is used
    free_disk_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """`lag`: events of a tenant that the slower consumer has still to read; `falling`: how many
    fewer they get a second; `length`: what its stream holds, `fair`: what it may hold when memory
    is short, None where that has not been asked."""

    lag: int
    length: int
    falling: float = 0.0
    fair: int | None = None


def is_crowded(room: Room, limits: Limits) -> bool:
    """Whether each tenant is held to its fair share of the memory."""
    return room.memory is not None and room.memory > limits.crowded


def fair_length(lengths: list[int]) -> int:
    """An equal share of what the streams of all tenants that have one hold together."""
    taken = [length for length in lengths if length]
    return max(SMALL_BACKLOG, sum(taken) // max(1, len(taken)))


def objection(room: Room, backlog: Backlog, limits: Limits) -> CipError | None:
    """Why no event of the tenant is taken now, None where nothing speaks against it."""
    if room.memory is not None and room.memory > limits.full:
        return UnavailableError(
            "The data store has little memory left.", retry_after_seconds=MEMORY_RETRY_SECONDS
        )
    if room.free_disk_bytes is not None and room.free_disk_bytes < limits.free_disk_bytes:
        return UnavailableError(
            "There is little disk space left.", retry_after_seconds=DISK_RETRY_SECONDS
        )
    if backlog.lag > limits.lag_events:
        return ThrottledError(
            "Too many events wait to be counted.",
            retry_after_seconds=retry_seconds(backlog.lag - limits.lag_events, backlog.falling),
        )
    if is_crowded(room, limits) and backlog.fair is not None and backlog.length > backlog.fair:
        return ThrottledError(
            "Memory is short, and many of your events wait to be counted.",
            retry_after_seconds=retry_seconds(backlog.length - backlog.fair, backlog.falling),
        )
    return None


def retry_seconds(excess: int, falling: float) -> int:
    """When the excess will be gone if it goes on falling at this speed (events a second)."""
    if falling <= 0:
        return LONGEST_RETRY_SECONDS
    return min(LONGEST_RETRY_SECONDS, max(1, math.ceil(excess / falling)))
