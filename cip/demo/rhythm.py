"""The clock between the laws' even time and a tenant's local days and weeks."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from cip.demo.draws import MICROS, Floats, Ints
from cip.demo.laws import RhythmLaw
from cip.domain.events import microseconds

_STEP_US = 1_800 * MICROS
_DAY_US = 86_400 * MICROS


class Rhythm:
    """Maps even time (weeks since a local Monday midnight) to instants, and back.

    The map is strictly increasing, and a whole even week is a whole local week: so what happened
    in a week stays in it and the order never changes, while days and hours get their weights.
    Local clock changes are met by weighting instants, not local times.
    """

    def __init__(self, law: RhythmLaw, timezone: str, start: datetime, weeks: int) -> None:
        zone = ZoneInfo(timezone)
        local = start.astimezone(zone)
        monday = (local - timedelta(days=local.weekday())).date()
        edges = [_midnight(monday + timedelta(weeks=week), zone) for week in range(weeks + 1)]
        self._steps = np.arange(edges[0], edges[-1] + _STEP_US, _STEP_US, dtype=np.int64)
        self._offsets = _offsets(self._steps, zone)
        self._even = self._even_times(law, np.array(edges, dtype=np.int64))
        self.end_us = edges[-1]
        self.weeks = weeks

    def _even_times(self, law: RhythmLaw, edges: Ints) -> Floats:
        local = self._steps + self._offsets
        hour = (local // (3_600 * MICROS)) % 24
        weekday = (local // _DAY_US + 3) % 7  # 1970-01-01 was a Thursday
        weights = np.array(law.hours)[hour] * np.array(law.weekdays)[weekday]
        total = np.concatenate(([0.0], np.cumsum(weights[:-1])))
        at_edges = np.interp(edges, self._steps, total)
        week = np.clip(np.searchsorted(edges, self._steps, side="right") - 1, 0, len(edges) - 2)
        share = (total - at_edges[week]) / (at_edges[week + 1] - at_edges[week])
        even: Floats = week + share
        return even

    def instants(self, weeks: Floats) -> Ints:
        """Microseconds since 1970 of even times; what lies past the clock's end is its end."""
        base = self._steps[0]
        offset = np.interp(weeks, self._even, (self._steps - base).astype(np.float64))
        found: Ints = base + np.rint(offset).astype(np.int64)
        return found

    def even(self, us: int) -> float:
        """Even time of an instant."""
        base = self._steps[0]
        steps = (self._steps - base).astype(np.float64)
        return float(np.interp(float(us - base), steps, self._even))

    def local(self, us: Ints) -> Ints:
        """Local wall time as microseconds since the local 1970."""
        step = np.clip((us - self._steps[0]) // _STEP_US, 0, len(self._steps) - 1)
        shifted: Ints = us + self._offsets[step]
        return shifted

    def local_days(self, us: Ints) -> Ints:
        """Local calendar days since 1970."""
        days: Ints = self.local(us) // _DAY_US
        return days


def _midnight(day: object, zone: ZoneInfo) -> int:
    return microseconds(datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=zone))


def _offsets(steps: Ints, zone: ZoneInfo) -> Ints:
    seconds = steps // MICROS
    found = [
        (datetime.fromtimestamp(int(second), zone).utcoffset() or timedelta()).total_seconds()
        for second in seconds
    ]
    return (np.array(found) * MICROS).astype(np.int64)
