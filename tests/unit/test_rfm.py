"""RFM scores and segments, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pandas as pd
import pytest

from cip.analytics.rfm import OTHERS, RULES, rfm, score

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def customers(days: list[int], purchases: list[int], money: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{n}" for n in range(len(days))],
            "days_since_last_purchase": days,
            "purchases": purchases,
            "revenue_minor": money,
        }
    )


def test_ranks_of_ten_fall_two_by_two_into_five_scores() -> None:
    scored = score(
        customers(list(range(10)), list(range(1, 11)), list(range(100, 1100, 100))), "rank"
    )
    assert scored["frequency"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scored["monetary"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scored["recency"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


def test_ties_take_the_lowest_rank() -> None:
    scored = score(customers([0] * 5, [1, 1, 1, 1, 9], [5] * 5), "rank")
    assert scored["frequency"].tolist() == [1, 1, 1, 1, 5]
    assert set(scored["recency"]) == {1}


def test_r7_breaks_are_quintiles_plus_one_with_the_upper_bound_outside() -> None:
    # Type-7 quintiles of 0..10 are 2, 4, 6, 8; so the breaks are 3, 5, 7, 9.
    scored = score(customers(list(range(11)), list(range(11)), [100 * n for n in range(11)]), "r7")
    expected = [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scored["frequency"].tolist() == expected
    assert scored["monetary"].tolist() == expected
    assert scored["recency"].tolist() == [6 - value for value in expected]


def test_r7_adds_one_major_unit_whatever_the_currency() -> None:
    frame = customers([1] * 11, [1] * 11, list(range(11)))
    assert score(frame, "r7", minor_per_major=1)["monetary"].tolist() == [
        1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5,
    ]  # fmt: skip


def test_every_rule_reaches_a_cell_that_no_earlier_rule_takes() -> None:
    reached = dict.fromkeys((rule.name for rule in RULES), 0)
    for r, f, m in product(range(1, 6), repeat=3):
        for rule in RULES:
            ranges = zip((r, f, m), (rule.recency, rule.frequency, rule.monetary), strict=True)
            if all(low <= value <= high for value, (low, high) in ranges):
                reached[rule.name] += 1
                break
    assert all(reached.values()), reached


def test_segments_and_cells_add_up() -> None:
    frame = customers([1, 40, 90, 200, 400], [9, 5, 3, 2, 1], [9_000, 4_000, 2_000, 800, 100])
    result = rfm(frame, "rank", AS_OF)
    assert result.customers == 5
    assert result.revenue_minor == 15_900
    assert sum(cell.customers for cell in result.cells) == 5
    assert sum(segment.customers for segment in result.segments) == 5
    assert sum(segment.revenue_minor for segment in result.segments) == 15_900
    assert sum(segment.share_of_revenue for segment in result.segments) == pytest.approx(1)
    best = result.segments[0]
    assert (best.name, best.customers, best.mean_purchases) == ("Champions", 1, 9)


@pytest.mark.parametrize("method", ["rank", "r7"])
def test_nobody_and_one_customer_and_equals_are_no_trouble(method: str) -> None:
    empty = rfm(customers([], [], []), method, AS_OF)  # type: ignore[arg-type]
    assert (empty.customers, empty.cells, empty.segments) == (0, (), ())
    one = rfm(customers([3], [1], [0]), method, AS_OF)  # type: ignore[arg-type]
    assert one.segments[0].customers == 1
    assert one.segments[0].share_of_revenue == 0
    equal = rfm(customers([3] * 9, [2] * 9, [50] * 9), method, AS_OF)  # type: ignore[arg-type]
    assert len(equal.cells) == len(equal.segments) == 1
    assert equal.segments[0].name in {rule.name for rule in RULES} | {OTHERS}
