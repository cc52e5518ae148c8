"""Recency, frequency and monetary scores, and the segments that rules make of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cip.domain.results import Rfm, RfmCell, RfmSegment

Method = Literal["rank", "r7"]
Scores = NDArray[np.int64]
OTHERS: Final = "Others"
_FIFTHS: Final = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True, slots=True)
class Rule:
    """A segment and the inclusive ranges of scores (recency, frequency, monetary) it takes."""

    name: str
    recency: tuple[int, int]
    frequency: tuple[int, int]
    monetary: tuple[int, int]


# The first matching rule names the customer.
RULES: Final = (
    Rule("Champions", (5, 5), (5, 5), (5, 5)),
    Rule("Potential Loyalist", (3, 5), (3, 5), (2, 5)),
    Rule("Loyal", (2, 4), (2, 4), (2, 4)),
    Rule("Promising", (3, 4), (1, 3), (3, 5)),
    Rule("New", (4, 5), (1, 3), (1, 5)),
    Rule("Can't Lose", (1, 2), (3, 4), (4, 5)),
    Rule("At Risk", (1, 2), (2, 5), (4, 5)),
    Rule("Need Attention", (1, 3), (3, 5), (3, 5)),
    Rule("About To Sleep", (2, 3), (1, 3), (1, 4)),
    Rule("Lost", (1, 1), (1, 5), (1, 5)),
)


def score(customers: pd.DataFrame, method: Method, *, minor_per_major: int = 100) -> pd.DataFrame:
    """Adds `recency`, `frequency`, `monetary` (1 to 5, 5 is best) and `segment`.

    `customers`: one row a customer with `days_since_last_purchase`, `purchases` and
    `revenue_minor`. Method `r7` adds one unit to its breaks; for money that is one major unit.
    """
    columns: dict[str, Scores]
    days = customers["days_since_last_purchase"].to_numpy(dtype=float)
    purchases = customers["purchases"].to_numpy(dtype=float)
    money = customers["revenue_minor"].to_numpy(dtype=float)
    if method == "rank":
        columns = {
            "recency": _rank_score(-days),
            "frequency": _rank_score(purchases),
            "monetary": _rank_score(money),
        }
    else:
        columns = {
            "recency": 6 - _quintile_score(days),
            "frequency": _quintile_score(purchases),
            "monetary": _quintile_score(money / minor_per_major),
        }
    scored = customers.assign(**columns)
    return scored.assign(segment=_segments(scored))


def rfm(
    customers: pd.DataFrame, method: Method, as_of: datetime, *, minor_per_major: int = 100
) -> Rfm:
    """The cells and segments of all customers; see `score` for the columns wanted."""
    scored = score(customers, method, minor_per_major=minor_per_major)
    revenue = int(customers["revenue_minor"].sum())
    return Rfm(
        method=method,
        as_of=as_of,
        customers=len(customers),
        revenue_minor=revenue,
        cells=_cells(scored),
        segments=_summaries(scored, revenue),
    )


def _rank_score(values: NDArray[np.float64]) -> Scores:
    """⌊5 (rank - 1) / n⌋ + 1 with the minimum rank for ties; larger values score higher."""
    ranks = np.searchsorted(np.sort(values), values, side="left")
    return (5 * ranks // max(len(values), 1) + 1).astype(np.int64)


def _quintile_score(values: NDArray[np.float64]) -> Scores:
    """1 + the number of breaks at or below the value; a break is a type-7 quintile plus one."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    breaks = np.quantile(values, _FIFTHS, method="linear") + 1
    return (1 + np.searchsorted(breaks, values, side="right")).astype(np.int64)


def _segments(scored: pd.DataFrame) -> NDArray[np.object_]:
    names = np.full(len(scored), OTHERS, dtype=object)
    open_rows = np.ones(len(scored), dtype=bool)
    for rule in RULES:
        fits = open_rows.copy()
        for column, (low, high) in (
            ("recency", rule.recency),
            ("frequency", rule.frequency),
            ("monetary", rule.monetary),
        ):
            values = scored[column].to_numpy()
            fits &= (values >= low) & (values <= high)
        names[fits] = rule.name
        open_rows &= ~fits
    return names


def _cells(scored: pd.DataFrame) -> tuple[RfmCell, ...]:
    grouped = scored.groupby(["recency", "frequency", "monetary"], sort=True)["revenue_minor"]
    return tuple(
        RfmCell(
            recency=int(r),
            frequency=int(f),
            monetary=int(m),
            customers=int(count),
            revenue_minor=int(total),
        )
        for (r, f, m), count, total in _rows(grouped.agg(["size", "sum"]))
    )


def _rows(frame: pd.DataFrame) -> Any:
    return zip(frame.index, frame.iloc[:, 0], frame.iloc[:, 1], strict=True)


def _summaries(scored: pd.DataFrame, revenue: int) -> tuple[RfmSegment, ...]:
    order = [rule.name for rule in RULES] + [OTHERS]
    by_name = dict(iter(scored.groupby("segment")))
    return tuple(
        _summary(name, by_name[name], len(scored), revenue) for name in order if name in by_name
    )


def _summary(name: str, rows: pd.DataFrame, customers: int, revenue: int) -> RfmSegment:
    total = int(rows["revenue_minor"].sum())
    return RfmSegment(
        name=name,
        customers=len(rows),
        revenue_minor=total,
        share_of_customers=len(rows) / customers,
        share_of_revenue=total / revenue if revenue else 0.0,
        mean_days_since_last_purchase=float(rows["days_since_last_purchase"].mean()),
        mean_purchases=float(rows["purchases"].mean()),
        mean_revenue_minor=total / len(rows),
    )
