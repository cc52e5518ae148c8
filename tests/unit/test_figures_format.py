"""Numbers as people read them: the examples of the style guide, and the edges between forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cip.figures import format as fmt

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (7.4, "7"), (1_234, "1,234"), (9_999, "9,999"), (9_999.6, "10.0k"),
        (10_000, "10.0k"), (12_345, "12.3k"), (999_949, "999.9k"), (999_950, "1.0M"),
        (4_512_000, "4.5M"), (2_000_000_000, "2.0B"), (-12_345, "−12.3k"), (-5, "−5"),
    ],
)  # fmt: skip
def test_counts(value: float, text: str) -> None:
    assert fmt.count(value) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (7_240, "EUR", "€72.40"), (99_949, "EUR", "€999.49"), (123_400, "EUR", "€1,234"),
        (4_860_300, "EUR", "€48.6k"), (891_140_790, "GBP", "£8.9M"), (-550, "USD", "−$5.50"),
        (1_500, "JPY", "¥1,500"), (1_500, "CHF", "CHF 15.00"), (1_500, "KWD", "KWD 1.50"),
    ],
)  # fmt: skip
def test_money(minor: float, currency: str, text: str) -> None:
    assert fmt.money(minor, currency) == text


def test_exact_money_has_every_digit() -> None:
    assert fmt.money_exact(891_140_790, "GBP") == "£8,911,407.90"
    assert fmt.money_exact(1_500, "KWD") == "KWD 1.500"


@pytest.mark.parametrize(
    ("share", "text"), [(0.068, "6.8 %"), (0, "0.0 %"), (1, "100.0 %"), (-0.0213, "−2.1 %")]
)
def test_percent(share: float, text: str) -> None:
    assert fmt.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (18 * 60, "18 min"), (2.1 * 3600, "2.1 h"),
        (14 * 3600, "14 h"), (3 * 86_400, "3 d"), (400 * 86_400, "1.1 y"),
    ],
)  # fmt: skip
def test_spans_have_one_unit(seconds: float, text: str) -> None:
    assert fmt.span(timedelta(seconds=seconds)) == text


def test_times_are_the_tenants() -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert fmt.day(late, BERLIN) == "Sun 22 Nov 2026"
    assert fmt.day_and_time(late, BERLIN) == "Sun 22 Nov 2026, 00:30 Berlin"
