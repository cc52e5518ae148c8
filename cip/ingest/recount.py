"""The live counters, counted again from the history: what a rebuild writes and a check compares.
Hour by hour, and customers in chunks, so that memory holds but one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from duckdb import DuckDBPyConnection

from cip.domain.events import PURCHASE, REFUND, instant
from cip.history.query import rows, sql
from cip.store.live_shape import MICROSECONDS_PER_MINUTE, SEP, people_buckets

_CHUNK: Final = 10_000
_MICROSECONDS_PER_HOUR: Final = 60 * MICROSECONDS_PER_MINUTE


@dataclass(slots=True)
class Hour:
    """An hour and its minutes. Keys are those of a generation without its prefix: `m:29422000`,
    `ha:490366:web`."""

    sums: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    people: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def count(self, minute: int, name: str, amount: int) -> None:
        for key in (f"m:{minute}", f"h:{minute // 60}"):
            self.sums[key][name] = self.sums[key].get(name, 0) + amount

    def meet(self, minute: int, who: str, channel: str, customers: list[str]) -> None:
        for unit, number in (("m", minute), ("h", minute // 60)):
            for key in people_buckets(unit, who, number, channel):
                self.people[key].update(customers)


def hours(
    connection: DuckDBPyConnection, *, position: int, first_minute: int
) -> Iterator[tuple[int, Hour]]:
    """Each hour that has something, in order: rows up to the packed stream position (and all
    imported ones) of `first_minute` and later."""
    since_us = first_minute * MICROSECONDS_PER_MINUTE
    bounds = {"since": instant(since_us), "position": position}
    new = _new_customers(rows(connection, "live_new_customers", bounds))
    for row in rows(connection, "live_hours", bounds):
        number = row["hour"]
        start = instant(max(since_us, number * _MICROSECONDS_PER_HOUR))
        until = instant(number * _MICROSECONDS_PER_HOUR) + timedelta(hours=1)
        hour = _hour(
            rows(
                connection,
                "live_sums",
                {"since": start, "until": until, "position": position},
            )
        )
        for minute, channel, customers in new.get(number, ()):
            hour.count(minute, f"f{SEP}{channel}", customers)
        yield number, hour


def first_seen(
    connection: DuckDBPyConnection, *, position: int
) -> Iterator[dict[str, tuple[int, str]]]:
    """Chunks of customer → (microseconds, channel) of the first event ever."""
    cursor = connection.cursor().execute(sql("first_seen"), {"position": position})
    while chunk := cursor.fetchmany(_CHUNK):
        yield {customer: (first_us, channel) for customer, first_us, channel in chunk}


def _new_customers(found: list[dict[str, Any]]) -> dict[int, list[tuple[int, str, int]]]:
    by_hour: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for row in found:
        minute = row["minute"]
        by_hour[minute // 60].append((minute, str(row["channel"]), row["customers"]))
    return by_hour


def _hour(found: list[dict[str, Any]]) -> Hour:
    hour = Hour()
    for row in found:
        minute, channel, kind = row["minute"], row["channel"], row["type"]
        hour.count(minute, f"n{SEP}{channel}{SEP}{kind}", row["events"])
        hour.meet(minute, "a", channel, row["customers"])
        if kind == PURCHASE:
            hour.count(minute, f"a{SEP}{channel}", row["amount_minor"])
            hour.meet(minute, "b", channel, row["customers"])
        elif kind == REFUND:
            hour.count(minute, f"r{SEP}{channel}", row["amount_minor"])
    return hour
