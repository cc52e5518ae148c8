"""What a batch of events adds to the live counters, summed up before it is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from cip.domain.events import LATE_AFTER_US, PURCHASE, REFUND, Event
from cip.store.live_shape import (
    KEPT_MINUTES,
    MICROSECONDS_PER_MINUTE,
    SEP,
    expires_at,
    people_buckets,
)

_MONEY: Final = {PURCHASE: "a", REFUND: "r"}
_NEVER: Final = -(2**53)


@dataclass(frozen=True, slots=True)
class LiveBatch:
    """`text`: the JSON that `apply_live.lua` reads. Nothing of `too_old_minute` or before is
    counted by the minute."""

    text: bytes
    too_old_minute: int


def sum_up(events: Iterable[Event], *, now_minute: int) -> LiveBatch:
    """What events, in stream order, add to the counters."""
    sums = _Sums(now_minute)
    sums.add_all(events)
    return LiveBatch(sums.encode(), now_minute - KEPT_MINUTES)


class _Sums:
    """Sums per minute; hours follow from them when they are encoded."""

    def __init__(self, now_minute: int) -> None:
        self._kept_from = now_minute - KEPT_MINUTES + 1
        self._sums: dict[tuple[int, str], int] = defaultdict(int)  # (minute, field)
        self._people: dict[tuple[int, str, str], set[str]] = defaultdict(set)
        self._first: dict[str, tuple[int, str]] = {}
        self.applied = 0
        self.late = 0
        self.newest_us = _NEVER

    def add_all(self, events: Iterable[Event]) -> None:
        """Counts events, in stream order."""
        sums, people, first = self._sums, self._people, self._first
        for event in events:
            at, channel, customer = event.occurred_at_us, event.channel, event.customer_id
            self.applied += 1
            self.late += event.received_at_us - at > LATE_AFTER_US
            if at > self.newest_us:
                self.newest_us = at
            earliest = first.get(customer)
            if earliest is None or at < earliest[0]:
                first[customer] = (at, channel)
            minute = at // MICROSECONDS_PER_MINUTE
            if minute < self._kept_from:
                continue
            kind = event.type
            sums[minute, f"n{SEP}{channel}{SEP}{kind}"] += 1
            people[minute, "a", channel].add(customer)
            if kind in _MONEY:
                sums[minute, f"{_MONEY[kind]}{SEP}{channel}"] += event.amount_minor or 0
                if kind == PURCHASE:
                    people[minute, "b", channel].add(customer)

    def encode(self) -> bytes:
        expiries: list[str | int] = []
        sums: dict[str, list[str | int]] = {}
        for (unit, number), fields in self._by_bucket().items():
            bucket = f"{unit}:{number}"
            sums[bucket] = [part for pair in fields.items() for part in pair]
            expiries += (bucket, expires_at(unit, number))
        place = {customer: at for at, customer in enumerate(self._first, 1)}
        people: list[tuple[list[str], list[int]]] = []
        for (unit, who, number, channel), customers in self._people_by_bucket().items():
            buckets = people_buckets(unit, who, number, channel)
            people.append((buckets, [place[customer] for customer in customers]))
            for bucket in buckets:
                expiries += (bucket, expires_at(unit, number))
        return orjson.dumps(
            {
                "sums": list(sums.items()),
                "people": people,
                "expiry": expiries,
                "first": [
                    (who, at, channel, minute, int(minute >= self._kept_from))
                    for who, (at, channel) in self._first.items()
                    for minute in (at // MICROSECONDS_PER_MINUTE,)
                ],
                "applied": self.applied,
                "late": self.late,
                "newest_us": self.newest_us,
            }
        )

    def _by_bucket(self) -> dict[tuple[str, int], dict[str, int]]:
        found: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (minute, field), amount in self._sums.items():
            found["m", minute][field] += amount
            found["h", minute // 60][field] += amount
        return found

    def _people_by_bucket(self) -> dict[tuple[str, str, int, str], set[str]]:
        found: dict[tuple[str, str, int, str], set[str]] = defaultdict(set)
        for (minute, who, channel), customers in self._people.items():
            found["m", who, minute, channel] = customers
            found["h", who, minute // 60, channel] |= customers
        return found
