"""From sums per bucket and key to the points of a series: zeros filled in, rare keys folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cip.domain.results import Point, Timeseries, Unit

MAX_KEYS: Final = 7
OTHER: Final = "other"
ADDITIVE: Final = frozenset(
    {"events", "new_customers", "conversations", "messages", "purchases", "revenue_minor"}
)


def timeseries(
    metric: str,
    bucket: str,
    bounds: Sequence[datetime],
    values: Mapping[tuple[datetime, str], float],
    *,
    split: bool,
    since: datetime,
    over_until: datetime,
) -> Timeseries:
    """`bounds`: n + 1 boundaries of n buckets. `values`: (bucket start, key) → value; the key is
    "" without a split. A bucket that begins before `since` or ends after `over_until` is
    incomplete. Of more than seven keys the rarest are folded into "other" (for sums; distinct
    customers cannot be added, so there the rarest are left out)."""
    keys, folded = _fold(metric, values) if split else ([""], dict(values))
    return Timeseries(
        metric=metric,
        bucket=bucket,
        unit=_unit(metric),
        points=tuple(
            Point(
                start=start,
                value=folded.get((start, key), 0),
                key=key if split else None,
                incomplete=start < since or end > over_until,
            )
            for key in keys
            for start, end in pairwise(bounds)
        ),
    )


def _unit(metric: str) -> Unit:
    return "minor" if metric == "revenue_minor" else "count"


def _fold(
    metric: str, values: Mapping[tuple[datetime, str], float]
) -> tuple[list[str], dict[tuple[datetime, str], float]]:
    totals: dict[str, float] = {}
    for (_, key), value in values.items():
        totals[key] = totals.get(key, 0) + value
    ranked = sorted(totals, key=lambda key: (-totals[key], key))
    kept, rest = ranked[:MAX_KEYS], set(ranked[MAX_KEYS:])
    folded: dict[tuple[datetime, str], float] = {}
    for (start, key), value in values.items():
        name = OTHER if key in rest else key
        if name is not OTHER or metric in ADDITIVE:
            folded[start, name] = folded.get((start, name), 0) + value
    return ([*kept, OTHER] if rest and metric in ADDITIVE else kept), folded
