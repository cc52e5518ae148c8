"""What came of sending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event was not taken. `index` is its place among those sent, from 0."""

    index: int
    event_id: str | None
    field: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SendResult:
    """What the platform says of all the events that it answered for."""

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[Rejection, ...] = ()

    def __add__(self, other: SendResult) -> SendResult:
        return SendResult(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
        )


def result_of(answer: Any, first: int) -> SendResult:
    """The answer to a batch whose first event has the place `first`."""
    rejected = tuple(
        Rejection(
            index=first + int(one["index"]),
            event_id=one.get("event_id"),
            field=one.get("field"),
            code=str(one["code"]),
            message=str(one["message"]),
        )
        for one in answer["rejected"]
    )
    return SendResult(int(answer["accepted"]), int(answer["duplicates"]), rejected)
