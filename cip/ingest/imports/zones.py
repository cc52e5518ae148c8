"""A timezone as a table of days, so that a join turns wall-clock times into instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

# Earlier times are refused whatever their offset.
FIRST_DAY: Final = date(1870, 1, 1)
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_SCHEMA: Final = pa.schema(
    [
        ("day", pa.date32()),
        ("before_us", pa.int64()),
        ("change_at", pa.timestamp("us")),
        ("after_us", pa.int64()),
    ]
)


def zone_days(zone: ZoneInfo, first: date, last: date) -> pa.Table:
    """UTC offset (µs) of every local day from `first` to `last`, before and after its change.

    A wall-clock time that occurs twice is the earlier instant, and one that a change skips is
    read with the offset before it: what Python's `datetime` does with `fold=0`, and so what the
    event parser does. Empty for a zone that never left UTC.
    """
    if zone.key == "UTC":
        return _SCHEMA.empty_table()
    days: list[date] = []
    before: list[int] = []
    changes: list[datetime] = []
    after: list[int] = []
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    offset = _offset(start)
    for number in range((last - first).days + 1):
        day = start + number * _DAY
        following = _offset(day + _DAY)
        days.append(day.date())
        before.append(offset // timedelta(microseconds=1))
        after.append(following // timedelta(microseconds=1))
        changes.append(_change(day, following) if following != offset else day.replace(tzinfo=None))
        offset = following
    return pa.table([days, before, changes, after], schema=_SCHEMA)


def _offset(wall: datetime) -> timedelta:
    return wall.utcoffset() or timedelta()


def _change(day: datetime, following: timedelta) -> datetime:
    """The first wall-clock second of `day` with the offset of the next day."""
    low, high = 0, _DAY // _SECOND
    while low < high:
        middle = (low + high) // 2
        if _offset(day + middle * _SECOND) == following:
            high = middle
        else:
            low = middle + 1
    return (day + low * _SECOND).replace(tzinfo=None)


def last_useful_day(now: datetime) -> date:
    """Later days are refused as lying ahead, whatever their offset."""
    return (now.astimezone(UTC) + 4 * _DAY).date()
