"""What a page is told: a result with its state, or what went wrong, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cip.domain.errors import CipError
from cip.domain.results import Result

State = Literal["ready", "stale", "pending", "empty", "unreachable", "error"]


@dataclass(frozen=True, slots=True)
class Problem:
    """For the details fold of an error: never internals."""

    code: str
    message: str
    field: str | None
    request_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ready` and `stale` carry a result (stale: an older one, being renewed); `pending`: the
    first computation is under way; `empty`: there is nothing to compute from; `unreachable`:
    Redis is away; `error`: `problem` says why."""

    state: State
    result: Result[Any] | None = None
    problem: Problem | None = None
    refreshing: bool = field(default=False)


def problem(error: CipError, request_id: str, at: datetime) -> Problem:
    return Problem(error.code, error.message, error.field, request_id, at)
