"""A page's filters as the URL's query string holds them. Everything from a URL is checked here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from cip.domain.queries import Compare, Period

PERIODS: Final = MappingProxyType(
    {
        "1h": "Last hour",
        "24h": "Last 24 hours",
        "7d": "Last 7 days",
        "30d": "Last 30 days",
        "90d": "Last 90 days",
        "1y": "Last year",
    }
)
CUSTOM: Final = "custom"
METHODS: Final = MappingProxyType({"rank": "Rank", "r7": "Quintiles (R7)"})
DEFAULT_PERIOD: Final = "24h"
_LONGEST_SEARCH: Final = 4_000
_MOST_CHANNELS: Final = 50
_LONGEST_NAME: Final = 128

Method = Literal["rank", "r7"]


@dataclass(frozen=True, slots=True)
class HomeFilters:
    """`problems` are sentences about values that could not be used and what stands instead."""

    period: str = DEFAULT_PERIOD
    start: date | None = None
    end: date | None = None
    against: Compare = "previous"
    channels: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def window(self, zone: ZoneInfo) -> Period:
        """The period to ask for; custom days are whole days of the tenant's calendar."""
        if self.period != CUSTOM or self.start is None or self.end is None:
            return Period(last=self.period)
        return Period(
            start=_midnight(self.start, zone), end=_midnight(self.end + timedelta(days=1), zone)
        )

    @property
    def length(self) -> timedelta:
        if self.start is not None and self.end is not None:
            return self.end - self.start + timedelta(days=1)
        return _LENGTHS[self.period]

    @property
    def words(self) -> str:
        """`last 24 hours`, or `1 Nov 2026 to 8 Nov 2026`."""
        if self.start is not None and self.end is not None:
            return f"{_day(self.start)} to {_day(self.end)}"
        return PERIODS[self.period].lower()

    @property
    def before_words(self) -> str:
        """What a change is against: `previous 24 h`."""
        return f"previous {_SHORT.get(self.period, 'period')}"


@dataclass(frozen=True, slots=True)
class SegmentFilters:
    method: Method = "rank"
    as_of: date | None = None
    problems: tuple[str, ...] = ()

    def instant(self, zone: ZoneInfo) -> datetime | None:
        """The last instant of the chosen day in the tenant's time; None for the newest state."""
        if self.as_of is None:
            return None
        return _midnight(self.as_of + timedelta(days=1), zone) - timedelta(microseconds=1)


_LENGTHS: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
}
_NAMES: Final = {"period": "period", "against": "comparison", "method": "method"}
_SHORT: Final = {
    "1h": "hour", "24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d", "1y": "year",
}  # fmt: skip


def home_filters(search: object) -> HomeFilters:
    """Never raises: a bad value falls back and is named in `problems`."""
    return _home_filters(search if isinstance(search, str) or search is None else 0)


@lru_cache(maxsize=1_000)  # asked anew with each tick of each page
def _home_filters(search: str | int | None) -> HomeFilters:
    values, problems = _values(search)
    period, start, end = _period(values, problems)
    against = _one_of(values, "against", ("previous", "none"), "previous", problems)
    return HomeFilters(
        period=period,
        start=start,
        end=end,
        against="none" if against == "none" else "previous",
        channels=_channels(values, problems),
        problems=tuple(problems),
    )


def segment_filters(search: object) -> SegmentFilters:
    """Never raises: a bad value falls back and is named in `problems`."""
    values, problems = _values(search)
    method = _one_of(values, "method", tuple(METHODS), "rank", problems)
    as_of = None
    if text := _first(values, "as_of"):
        as_of = _date(text)
        if as_of is None:
            problems.append("The as-of date in the address is not a date. The newest is shown.")
    return SegmentFilters("r7" if method == "r7" else "rank", as_of, tuple(problems))


def _values(search: object) -> tuple[dict[str, list[str]], list[str]]:
    if not isinstance(search, str) or len(search) > _LONGEST_SEARCH:
        problems = [] if search is None else ["The filters in the address could not be read."]
        return {}, problems
    try:
        return parse_qs(search.removeprefix("?"), max_num_fields=100), []
    except ValueError:
        return {}, ["The filters in the address could not be read."]


def _first(values: dict[str, list[str]], name: str) -> str:
    return values.get(name, [""])[0]


def _one_of(
    values: dict[str, list[str]],
    name: str,
    known: tuple[str, ...],
    default: str,
    problems: list[str],
) -> str:
    value = _first(values, name) or default
    if value in known:
        return value
    problems.append(f"The address names an unknown {_NAMES[name]}. The usual one is shown instead.")
    return default


def _period(
    values: dict[str, list[str]], problems: list[str]
) -> tuple[str, date | None, date | None]:
    period = _one_of(values, "period", (*PERIODS, CUSTOM), DEFAULT_PERIOD, problems)
    if period != CUSTOM:
        return period, None, None
    start, end = _date(_first(values, "from")), _date(_first(values, "to"))
    if start is not None and end is not None and start <= end:
        return CUSTOM, start, end
    problems.append(
        "A custom period needs a first and a last day in that order. "
        "The last 24 hours are shown instead."
    )
    return DEFAULT_PERIOD, None, None


def _channels(values: dict[str, list[str]], problems: list[str]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(values.get("channel", [])))
    good = tuple(c for c in named if 0 < len(c) <= _LONGEST_NAME and c.isprintable())
    if len(good) != len(named) or len(good) > _MOST_CHANNELS:
        problems.append("Some channels in the address could not be used.")
    return good[:_MOST_CHANNELS]


def _date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(1900, 1, 1) <= day <= date(2200, 1, 1) else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
