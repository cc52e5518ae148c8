"""The live counters, counted again from the history: what a rebuild writes and a check compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from duckdb import DuckDBPyConnection

from cip.domain.events import PURCHASE, REFUND, instant
from cip.history.query import rows, sql
from cip.store.live_shape import KEPT_MINUTES, MICROSECONDS_PER_MINUTE, SEP

_CHUNK: Final = 10_000


@dataclass(slots=True)
class Recount:
    """Keys are those of a generation without its prefix: `m:29422000`, `ha:490366:web`."""

    applied: int = 0
    late: int = 0
    newest_us: int | None = None
    sums: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    people: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def count(self, minute: int, name: str, amount: int) -> None:
        for key in (f"m:{minute}", f"h:{minute // 60}"):
            self.sums[key][name] = self.sums[key].get(name, 0) + amount

    def meet(self, minute: int, who: str, channel: str, customers: list[str]) -> None:
        for key in (f"m{who}:{minute}", f"h{who}:{minute // 60}"):
            self.people[key].update(customers)
            self.people[f"{key}:{channel}"].update(customers)


def recount(connection: DuckDBPyConnection, *, position: int, now_minute: int) -> Recount:
    """Counts rows up to the packed stream position (and all imported ones)."""
    whole = rows(connection, "live_extent", {"position": position})[0]
    found = Recount(applied=whole["applied"], late=whole["late"], newest_us=whole["newest_us"])
    first_minute = now_minute - KEPT_MINUTES + 1
    since = instant(first_minute * MICROSECONDS_PER_MINUTE)
    for row in rows(connection, "live_sums", {"since": since, "position": position}):
        minute, channel, kind = row["minute"], row["channel"], row["type"]
        found.count(minute, f"n{SEP}{channel}{SEP}{kind}", row["events"])
        found.meet(minute, "a", channel, row["customers"])
        if kind == PURCHASE:
            found.count(minute, f"a{SEP}{channel}", row["amount_minor"])
            found.meet(minute, "b", channel, row["customers"])
        elif kind == REFUND:
            found.count(minute, f"r{SEP}{channel}", row["amount_minor"])
    for chunk in first_seen(connection, position=position):
        for first_us, channel in chunk.values():
            if (minute := first_us // MICROSECONDS_PER_MINUTE) >= first_minute:
                found.count(minute, f"f{SEP}{channel}", 1)
    return found


def first_seen(
    connection: DuckDBPyConnection, *, position: int
) -> Iterator[dict[str, tuple[int, str]]]:
    """Chunks of customer → (microseconds, channel) of the first event ever."""
    cursor = connection.cursor().execute(sql("first_seen"), {"position": position})
    while chunk := cursor.fetchmany(_CHUNK):
        yield {customer: (first_us, channel) for customer, first_us, channel in chunk}
