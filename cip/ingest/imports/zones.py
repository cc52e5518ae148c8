"""A timezone as a table of days, so that a join turns wall-clock times into instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

# Earlier times are left to the event parser.
FIRST_DAY: Final = date(1970, 1, 1)
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


def zone_days(zone: ZoneInfo, now: datetime) -> pa.Table:
    """UTC offset (µs) of every local day until shortly after `now`, before and after its change.

    A wall-clock time that occurs twice is the earlier instant, and one that a change skips is
    read with the offset before it: what Python's `datetime` does with `fold=0`, and so what the
    event parser does. Later days are refused as lying ahead, whatever their offset. Empty for a
    zone that never left UTC.
    """
    if zone.key == "UTC":
        return _SCHEMA.empty_table()
    last = (now.astimezone(UTC) + 4 * _DAY).date()
    midnight = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=zone)
    walls = [midnight + number * _DAY for number in range((last - FIRST_DAY).days + 2)]
    offsets = [_offset(wall) for wall in walls]
    # A day begins with the offset of its midnight and ends with that of the next one.
    changes = [
        _change(wall, after) if after != before else None
        for wall, before, after in zip(walls, offsets, offsets[1:], strict=False)
    ]
    microseconds = [offset // timedelta(microseconds=1) for offset in offsets]
    days = [wall.date() for wall in walls[:-1]]
    return pa.table([days, microseconds[:-1], changes, microseconds[1:]], schema=_SCHEMA)


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
