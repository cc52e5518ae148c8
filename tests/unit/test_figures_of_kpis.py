"""The arithmetic of the KPI strip and of series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cip.analytics.kpis import Totals, change, kpis
from cip.analytics.timeseries import timeseries
from cip.domain.results import Engagement
from cip.store.live import Piece, pieces

START = datetime(2026, 1, 1, tzinfo=UTC)
BOUNDS = [START + timedelta(hours=hour) for hour in range(3)]


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [(150, 100, 0.5), (50, 100, -0.5), (5, 0, None), (5, None, None), (-50, -100, 0.5)],
)
def test_change_is_against_the_size_of_the_baseline(
    value: float, before: float | None, expected: float | None
) -> None:
    assert change(value, before) == expected


def test_the_strip_says_what_the_totals_say() -> None:
    this = Totals(
        events=10,
        active_customers=4,
        buyers=1,
        purchases=3,
        purchased_minor=3_000,
        refunded_minor=500,
    )
    before = Totals(events=8, active_customers=4, buyers=2)
    strip = kpis(
        this,
        before,
        engagement=Engagement(value=50, before=40, customers=4),
        incomplete=True,
        relative_error=0.01,
    )
    assert strip.revenue_minor.value == 2_500
    assert strip.average_order_minor.value == 1_000
    assert strip.average_order_minor.before is None
    assert strip.conversion_rate.value == 0.25
    assert strip.conversion_rate.change == -0.5
    assert strip.active_customers.standard_error == pytest.approx(0.04)
    assert strip.events.standard_error is None
    assert strip.engagement_mean.change == 0.25
    assert strip.events.incomplete


def test_without_customers_there_is_no_rate_and_no_order() -> None:
    strip = kpis(Totals(), None, engagement=None, incomplete=False)
    assert strip.conversion_rate.value is None
    assert strip.average_order_minor.value is None
    assert strip.engagement_mean.value is None
    assert strip.events.before is None


def test_a_series_has_every_bucket_of_every_key() -> None:
    series = timeseries(
        "events",
        "hour",
        BOUNDS,
        {(BOUNDS[0], "a"): 2, (BOUNDS[1], "b"): 5},
        split=True,
        since=START,
        over_until=BOUNDS[1] + timedelta(minutes=30),
    )
    assert [(p.key, p.value, p.incomplete) for p in series.points] == [
        ("b", 0, False),
        ("b", 5, True),
        ("a", 2, False),
        ("a", 0, True),
    ]


def test_rare_keys_are_folded_and_the_sum_stays() -> None:
    values = {(BOUNDS[0], f"k{n}"): float(10 - n) for n in range(10)}
    series = timeseries(
        "events", "hour", BOUNDS, values, split=True, since=START, over_until=BOUNDS[2]
    )
    keys = list(dict.fromkeys(point.key for point in series.points))
    assert keys == [*(f"k{n}" for n in range(7)), "other"]
    assert sum(point.value for point in series.points) == sum(values.values())


def test_a_bucket_that_began_before_the_window_is_incomplete() -> None:
    series = timeseries(
        "events",
        "hour",
        BOUNDS,
        {},
        split=False,
        since=START + timedelta(minutes=1),
        over_until=BOUNDS[2],
    )
    assert [point.incomplete for point in series.points] == [True, False]


def test_a_window_is_covered_by_whole_hours_and_minutes_at_its_edges() -> None:
    assert pieces(58, 122) == [
        Piece("m", 58),
        Piece("m", 59),
        Piece("h", 1),
        Piece("m", 120),
        Piece("m", 121),
    ]
    assert pieces(61, 63) == [Piece("m", 61), Piece("m", 62)]
    assert pieces(0, 120) == [Piece("h", 0), Piece("h", 1)]
    for start in range(0, 130, 7):
        for end in range(start, 260, 11):
            covered = [
                minute
                for piece in pieces(start, end)
                for minute in range(
                    piece.start_minute, piece.start_minute + (60 if piece.unit == "h" else 1)
                )
            ]
            assert covered == list(range(start, end))
