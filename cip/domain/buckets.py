"""Buckets of time in a tenant's calendar: the one definition for live counters and history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cip.domain.errors import InvalidInputError
from cip.domain.queries import Bucket
from cip.domain.results import Window

MAX_BUCKETS: Final = 5_000
_FIXED: Final = {
    "minute": timedelta(minutes=1),
    "five_minutes": timedelta(minutes=5),
    "hour": timedelta(hours=1),
}


def boundaries(
    bucket: Bucket, window: Window, zone: ZoneInfo, *, week_starts_on_sunday: bool = False
) -> list[datetime]:
    """UTC boundaries of the buckets that cover the window: n + 1 for n buckets, the first at or
    before its start, the last at or after its end.

    Minutes and hours have one length throughout (a clock change shows as a gap or a repeat of
    the local label, never as a double hour); days, weeks and months follow the local calendar.
    """
    if bucket in _FIXED:
        return _fixed_boundaries(_FIXED[bucket], window, zone)
    found: list[datetime] = []
    local = _floor(bucket, window.start.astimezone(zone), week_starts_on_sunday)
    while not found or found[-1] < window.end:
        found.append(local.replace(tzinfo=zone).astimezone(UTC))
        local = _next(bucket, local)
        _check(len(found))
    return found


def _fixed_boundaries(step: timedelta, window: Window, zone: ZoneInfo) -> list[datetime]:
    _check((window.end - window.start) // step)
    offset = window.start.astimezone(zone).utcoffset() or timedelta(0)
    origin = datetime(1970, 1, 1, tzinfo=UTC) - offset
    start = origin + (window.start - origin) // step * step
    count = -(-(window.end - start) // step)
    return [start + step * number for number in range(count + 1)]


def _check(count: int) -> None:
    if count > MAX_BUCKETS:
        raise InvalidInputError(
            f"That makes more than {MAX_BUCKETS} buckets; choose a longer bucket.", field="bucket"
        )


def _floor(bucket: Bucket, local: datetime, week_starts_on_sunday: bool) -> datetime:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if bucket == "week":
        return day - timedelta(days=(day.weekday() + week_starts_on_sunday) % 7)
    return day.replace(day=1) if bucket == "month" else day


def _next(bucket: Bucket, local: datetime) -> datetime:
    if bucket == "month":
        return (local + timedelta(days=32)).replace(day=1)
    return local + timedelta(days=7 if bucket == "week" else 1)
