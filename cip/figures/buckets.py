"""Points of a time series as columns: every bucket once, every key's values beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from cip.domain.results import Timeseries

_NOMINAL: Final = MappingProxyType(
    {
        "minute": timedelta(minutes=1),
        "five_minutes": timedelta(minutes=5),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(days=7),
        "month": timedelta(days=31),
    }
)
# What a value is a rate per, and how many of those one bucket holds.
_RATES: Final = MappingProxyType({"minute": ("minute", 1), "five_minutes": ("minute", 5)})


@dataclass(frozen=True, slots=True)
class Slot:
    """One bucket. `whole` is false where the period holds only a part of it."""

    start: datetime
    end: datetime
    whole: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Slots in order, and for each key its values, one a slot."""

    slots: tuple[Slot, ...]
    values: dict[str, tuple[float, ...]]

    def sum(self, keys: Sequence[str]) -> tuple[float, ...]:
        return tuple(sum(self.values[key][at] for key in keys) for at in range(len(self.slots)))


def grid(series: Timeseries) -> Grid:
    """A bucket without a point of some key counts as 0 there."""
    cut = {p.start: False for p in series.points}
    for point in series.points:
        cut[point.start] |= point.incomplete
    starts = sorted(cut)
    ends = [after for _, after in pairwise(starts)]
    if starts:
        ends.append(starts[-1] + _NOMINAL[series.bucket])
    index = {start: at for at, start in enumerate(starts)}
    rows: dict[str, list[float]] = {}
    for point in series.points:
        rows.setdefault(point.key or "", [0.0] * len(starts))[index[point.start]] += point.value
    slots = tuple(
        Slot(start.astimezone(UTC), end.astimezone(UTC), not cut[start])
        for start, end in zip(starts, ends, strict=True)
    )
    return Grid(slots, {key: tuple(row) for key, row in rows.items()})


def rate(bucket: str) -> tuple[str, int]:
    """`("minute", 5)`: values of five-minute buckets are shown a minute, so divided by 5."""
    return _RATES.get(bucket, (bucket, 1))
