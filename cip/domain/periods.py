"""From a period as it was asked for to windows of instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cip.domain.queries import DEFAULT_PERIOD, Compare, Period, duration
from cip.domain.results import Window

# A tenant whose newest event is older than this shows the time up to that event, not an empty now.
OLD_DATA: Final = timedelta(days=7)
MINUTE: Final = timedelta(minutes=1)
ACTIVE_NOW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Windows:
    """`this` and the window of the same length before it; `incomplete` while `this` runs on."""

    as_of: datetime
    this: Window
    before: Window | None
    incomplete: bool

    @property
    def earliest(self) -> datetime:
        return self.before.start if self.before else self.this.start


def as_of(now: datetime, newest: datetime | None) -> datetime:
    """Now, or the newest event of a tenant that has had none for a week."""
    return newest if newest is not None and now - newest > OLD_DATA else now


def floor_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def recent_end(windows: Windows, now: datetime) -> datetime:
    """Where the minutes of "active now" end: with the window, or with the minute that runs."""
    return min(windows.this.end, floor_minute(now) + MINUTE)


def resolve(
    period: Period | None,
    *,
    now: datetime,
    newest: datetime | None,
    compare: Compare = "previous",
) -> Windows:
    """Windows of whole minutes for `last` (the minute of `as_of` included), as given otherwise."""
    asked = period or DEFAULT_PERIOD
    at = as_of(now, newest)
    if asked.start is not None and asked.end is not None:
        start, end = asked.start, asked.end
    else:
        end = floor_minute(at) + MINUTE
        start = end - duration(asked.last or "30d")
    before = Window(start=start - (end - start), end=start) if compare == "previous" else None
    return Windows(at, Window(start=start, end=end), before, incomplete=end > now)
