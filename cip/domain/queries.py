"""The questions that can be asked: one frozen, closed type per insight.

A page, the API and an export build the same query, so they get the same number.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

_DURATION: Final = re.compile(r"(\d{1,4})([mhdwy])")
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
# Events are of 1870 at the earliest; behind the last year the calendar itself ends.
_FIRST_YEAR: Final = 1870
_LAST_YEAR: Final = 2200
_LONGEST: Final = timedelta(days=366 * 100)


def duration(text: str) -> timedelta:
    """`"90m"`, `"24h"`, `"30d"`, `"2w"`, `"1y"` (365 days) as a timedelta."""
    match = _DURATION.fullmatch(text)
    if not match or not (span := int(match[1]) * _UNITS[match[2]]):
        raise ValueError("a number and one of m, h, d, w, y, such as 24h")
    if span > _LONGEST:
        raise ValueError("at most 100 years")
    return span


def _duration_text(text: str) -> str:
    duration(text)
    return text


def _utc(instant: datetime) -> datetime:
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise ValueError(f"between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Query(BaseModel):
    """Base of all queries: unknown fields are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(Query):
    """Either `last` (ending now) or `start` (inclusive) and `end` (exclusive)."""

    last: Annotated[str, AfterValidator(_duration_text)] | None = None
    start: Instant | None = None
    end: Instant | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.last is None) == (self.start is None) or (self.start is None) != (
            self.end is None
        ):
            raise ValueError("give either last, or start and end")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("start must be before end")
        return self


DEFAULT_PERIOD: Final = Period(last="30d")

Compare = Literal["previous", "none"]
Bucket = Literal["minute", "five_minutes", "hour", "day", "week", "month"]
Metric = Literal[
    "events",
    "active_customers",
    "new_customers",
    "conversations",
    "messages",
    "purchases",
    "revenue_minor",
]


class KpisQuery(Query):
    """The KPI strip: a window against the window of the same length before it."""

    period: Period | None = None
    compare: Compare = "previous"
    channels: tuple[Name, ...] = Field(default=(), max_length=50)


class TimeseriesQuery(Query):
    """One metric in buckets of the tenant's timezone, optionally split by type or channel."""

    metric: Metric = "events"
    bucket: Bucket = "hour"
    split_by: Literal["type", "channel"] | None = None
    period: Period | None = None
    channels: tuple[Name, ...] = Field(default=(), max_length=50)


class RfmQuery(Query):
    """Recency, frequency and monetary scores at `as_of`, and the segments they make."""

    as_of: Instant | None = None
    method: Literal["rank", "r7"] = "rank"


class EngagementQuery(Query):
    """Mean engagement over the 28 days to `as_of` (default: now), against `against` earlier."""

    as_of: Instant | None = None
    against: Annotated[str, AfterValidator(_duration_text)] = "24h"
