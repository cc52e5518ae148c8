"""Windows and buckets, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cip.domain.buckets import boundaries
from cip.domain.errors import InvalidInputError
from cip.domain.periods import resolve
from cip.domain.queries import Bucket, Period
from cip.domain.results import Window

NOW = datetime(2026, 11, 22, 14, 32, 10, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_the_last_day_ends_with_the_minute_that_runs() -> None:
    windows = resolve(Period(last="24h"), now=NOW, newest=NOW)
    assert windows.this == Window(start=utc(2026, 11, 21, 14, 33), end=utc(2026, 11, 22, 14, 33))
    assert windows.before == Window(start=utc(2026, 11, 20, 14, 33), end=utc(2026, 11, 21, 14, 33))
    assert windows.incomplete


def test_old_data_is_seen_from_its_newest_event() -> None:
    newest = utc(2011, 12, 9, 12, 50)
    windows = resolve(None, now=NOW, newest=newest)
    assert windows.this == Window(start=utc(2011, 11, 9, 12, 51), end=utc(2011, 12, 9, 12, 51))
    assert not windows.incomplete
    assert resolve(None, now=NOW, newest=NOW - timedelta(days=6)).this.end > NOW


def test_given_times_are_kept_and_nothing_compares_when_not_asked() -> None:
    start, end = utc(2026, 1, 1, 0, 0, 1), utc(2026, 1, 8)
    windows = resolve(Period(start=start, end=end), now=NOW, newest=NOW, compare="none")
    assert (windows.this.start, windows.this.end, windows.before) == (start, end, None)
    assert not windows.incomplete


@pytest.mark.parametrize(
    "period",
    [
        {},
        {"last": "0h"},
        {"last": "1 h"},
        {"last": "9999y"},
        {"start": utc(2026, 1, 1)},
        {"end": utc(2026, 1, 1)},
        {"start": utc(2026, 1, 1), "end": utc(2026, 1, 1)},
        {"last": "1h", "start": utc(2026, 1, 1), "end": utc(2026, 1, 2)},
        {"start": datetime(2026, 1, 1), "end": utc(2026, 1, 2)},  # noqa: DTZ001 - the point
    ],
)
def test_a_period_has_one_form(period: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Period(**period)


def test_days_follow_the_local_calendar_over_a_clock_change() -> None:
    window = Window(start=utc(2026, 10, 24, 22), end=utc(2026, 10, 26, 23))
    assert boundaries("day", window, BERLIN) == [
        utc(2026, 10, 24, 22),  # Sunday 25 October has 25 hours in Berlin
        utc(2026, 10, 25, 23),
        utc(2026, 10, 26, 23),
    ]


def test_weeks_begin_as_the_tenant_has_it() -> None:
    window = Window(start=utc(2026, 11, 18), end=utc(2026, 11, 19))  # a Wednesday
    zone = ZoneInfo("UTC")
    assert boundaries("week", window, zone)[0] == utc(2026, 11, 16)
    assert boundaries("week", window, zone, week_starts_on_sunday=True)[0] == utc(2026, 11, 15)
    sunday = Window(start=utc(2026, 11, 22), end=utc(2026, 11, 23))
    assert boundaries("week", sunday, zone)[0] == utc(2026, 11, 16)
    assert boundaries("week", sunday, zone, week_starts_on_sunday=True)[0] == utc(2026, 11, 22)


def test_months_have_their_own_lengths() -> None:
    window = Window(start=utc(2026, 1, 31, 12), end=utc(2026, 3, 1))
    found = boundaries("month", window, ZoneInfo("UTC"))
    assert found == [utc(2026, 1, 1), utc(2026, 2, 1), utc(2026, 3, 1)]


def test_hours_of_a_half_hour_zone_begin_on_its_own_hour() -> None:
    window = Window(start=utc(2026, 1, 1, 10, 45), end=utc(2026, 1, 1, 12))
    found = boundaries("hour", window, ZoneInfo("Asia/Kolkata"))
    assert found == [utc(2026, 1, 1, 10, 30), utc(2026, 1, 1, 11, 30), utc(2026, 1, 1, 12, 30)]


def test_too_many_buckets_are_refused() -> None:
    window = Window(start=utc(2020, 1, 1), end=utc(2026, 1, 1))
    with pytest.raises(InvalidInputError) as caught:
        boundaries("minute", window, BERLIN)
    assert caught.value.field == "bucket"


@given(
    bucket=st.sampled_from(["five_minutes", "hour", "day", "week", "month"]),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    minutes=st.integers(1, 60 * 24 * 10),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
)
def test_buckets_cover_the_window_without_gap_or_overlap(
    bucket: Bucket, start: datetime, minutes: int, zone: str
) -> None:
    begin = start.replace(tzinfo=UTC)
    window = Window(start=begin, end=begin + timedelta(minutes=minutes))
    found = boundaries(bucket, window, ZoneInfo(zone))
    assert found[0] <= window.start < found[1]
    assert found[-2] < window.end <= found[-1]
    assert found == sorted(set(found))
