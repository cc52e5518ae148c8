"""How a tenant's accepted events flow through its consumer groups: what an operator looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why a group stands still for a tenant. `message` holds nothing of any customer."""

    since: datetime
    tries: int
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class GroupFlow:
    """`position`: when the last consumed entry came in, None before the first. `lag`: entries
    that wait, None where the server cannot tell. `oldest_waiting_seconds`: None where none
    waits."""

    group: str
    position: datetime | None
    lag: int | None
    oldest_waiting_seconds: float | None
    alarm: Alarm | None


@dataclass(frozen=True, slots=True)
class EventFlow:
    """`stream_bytes` is an estimate from a sample. `late_events` of `events_counted` were received
    more than an hour after they had occurred."""

    groups: tuple[GroupFlow, ...]
    stream_length: int
    stream_bytes: int
    dead_letters: int
    late_events: int
    events_counted: int
