"""What a check of the live counters found: how much was compared, and what differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_NAMED: Final = 1_000

Value = int | str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """`bucket`: a minute (`m:…`), an hour (`h:…`), people of one (`ma:…`), `first_seen` or `meta`;
    `field`: the counter in it. None: there is no such value."""

    bucket: str
    field: str
    live: Value
    recount: Value

    @property
    def amount(self) -> int:
        """By how much numbers differ; one where they are none."""
        if isinstance(self.live, str) or isinstance(self.recount, str):
            return 1
        return abs((self.live or 0) - (self.recount or 0))


@dataclass(slots=True)
class Differences:
    """Counts them all, names the first thousand."""

    compared: int = 0
    differing: int = 0
    total: int = 0
    named: list[Difference] = field(default_factory=list)

    def compare(self, bucket: str, name: str, live: Value, recount: Value) -> None:
        self.compared += 1
        # A count that was moved elsewhere leaves a zero, which says the same as no field.
        if (live or 0) == (recount or 0):
            return
        found = Difference(bucket, name, live, recount)
        self.differing += 1
        self.total += found.amount
        if len(self.named) < MOST_NAMED:
            self.named.append(found)
