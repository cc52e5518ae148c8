"""Filters from the address: what is good is kept, what is bad falls back with a message."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cip.domain.queries import Period
from layouts.filters import home_filters, segment_filters

BERLIN = ZoneInfo("Europe/Berlin")


def test_no_search_means_the_last_24_hours_against_the_24_before() -> None:
    filters = home_filters("")
    assert (filters.period, filters.against, filters.channels) == ("24h", "previous", ())
    assert filters.problems == ()
    assert filters.window(BERLIN) == Period(last="24h")


def test_good_values_are_kept() -> None:
    filters = home_filters("?period=7d&against=none&channel=web&channel=mo%7Cbile&channel=web")
    assert (filters.period, filters.against) == ("7d", "none")
    assert filters.channels == ("web", "mo|bile")
    assert filters.before_words == "previous 7 d"


def test_custom_days_are_whole_days_of_the_tenants_calendar() -> None:
    filters = home_filters("period=custom&from=2026-10-24&to=2026-10-25")
    # Summer time ends on the 25th: that day has 25 hours.
    assert filters.window(BERLIN) == Period(
        start=datetime(2026, 10, 23, 22, tzinfo=UTC), end=datetime(2026, 10, 25, 23, tzinfo=UTC)
    )
    assert filters.words == "24 Oct 2026 to 25 Oct 2026"


@pytest.mark.parametrize(
    "search",
    [
        "period=forever",
        "period=custom",
        "period=custom&from=2026-11-02&to=2026-11-01",
        "period=custom&from=2026-13-01&to=2026-11-01",
        "period=custom&from=0001-01-01&to=9999-12-31",
        "against=everything",
        "channel=" + "x" * 129,
        "channel=a%00b",
        "&".join(["channel=x"] * 101),
        "x" * 5_000,
    ],
)
def test_a_bad_value_falls_back_and_is_named(search: str) -> None:
    filters = home_filters(search)
    assert filters.problems
    assert filters.period == "24h"
    assert filters.against == "previous"
    assert filters.window(BERLIN) == Period(last="24h")


@given(st.text(max_size=200) | st.none() | st.integers())
def test_nothing_in_an_address_raises(search: object) -> None:
    home_filters(search).window(BERLIN)
    segment_filters(search).instant(BERLIN)


def test_the_segments_page_reads_method_and_day() -> None:
    filters = segment_filters("?method=r7&as_of=2006-12-31")
    assert (filters.method, filters.as_of) == ("r7", date(2006, 12, 31))
    # The last instant of the day: an order dated to the next midnight is not in it.
    assert filters.instant(ZoneInfo("UTC")) == datetime(2006, 12, 31, 23, 59, 59, 999_999, UTC)
    assert filters.instant(BERLIN) == datetime(2006, 12, 31, 22, 59, 59, 999_999, UTC)


def test_a_bad_method_or_day_falls_back_and_is_named() -> None:
    filters = segment_filters("method=magic&as_of=soon")
    assert (filters.method, filters.as_of) == ("rank", None)
    assert len(filters.problems) == 2
