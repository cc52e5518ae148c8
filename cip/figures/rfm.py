"""Recency by frequency: customers in each pair of scores, darkest where most are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cip.domain.results import Rfm
from cip.figures import format as fmt
from cip.figures.theme import Figure, figure, token

STEPS: Final = 7
_SCORES: Final = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Pair:
    """All customers with one recency and one frequency score, over every monetary score."""

    recency: int
    frequency: int
    customers: int
    revenue_minor: int
    mean_monetary: float | None


def pairs(result: Rfm) -> tuple[Pair, ...]:
    """The 25 pairs, most recent first, rarest first within a recency."""
    return tuple(_pair(result, r, f) for r in reversed(_SCORES) for f in _SCORES)


def heatmap(result: Rfm, currency: str) -> Figure:
    cells = pairs(result)
    largest = max((cell.customers for cell in cells), default=0)
    rows = [[c for c in cells if c.recency == r] for r in _SCORES]
    trace = {
        "type": "heatmap",
        "x": list(_SCORES),
        "y": list(_SCORES),
        "z": [[_step(c.customers, largest) for c in row] for row in rows],
        "zmin": 0.5,
        "zmax": STEPS + 0.5,
        "colorscale": _stairs(),
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "customdata": [[_hover(c, currency) for c in row] for row in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return figure([trace], _layout([_label(c, largest) for c in cells]))


def _layout(labels: list[Figure]) -> Figure:
    plain = {"fixedrange": True, "dtick": 1, "showgrid": False, "zeroline": False}
    return {
        "hovermode": "closest",
        "margin": {"l": 20, "r": 0, "t": 24, "b": 44},
        "xaxis": {**plain, "showline": False, "range": [0.5, 5.5]},
        "yaxis": {**plain, "range": [0.5, 5.5]},
        "annotations": [
            _caption("recency score, 5 is most recent", 0, 1, "left", "bottom"),
            _caption("frequency score, 5 is most often", 1, 0, "right", "top"),
            *labels,
        ],
        "meta": {"zoom_key": "rfm"},
    }


def _caption(text: str, x: float, y: float, across: str, up: str) -> Figure:
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": y,
        "xanchor": across,
        "yanchor": up,
        "xshift": -20 if across == "left" else 0,
        "yshift": 6 if up == "bottom" else -24,
        "showarrow": False,
    }


def _pair(result: Rfm, recency: int, frequency: int) -> Pair:
    cells = [c for c in result.cells if c.recency == recency and c.frequency == frequency]
    customers = sum(c.customers for c in cells)
    scores = sum(c.monetary * c.customers for c in cells)
    return Pair(
        recency=recency,
        frequency=frequency,
        customers=customers,
        revenue_minor=sum(c.revenue_minor for c in cells),
        mean_monetary=scores / customers if customers else None,
    )


def _step(customers: int, largest: int) -> int:
    """1 (few) to 7 (most), linear, so that twice the customers is twice the way up."""
    return min(STEPS, 1 + customers * STEPS // largest) if largest else 1


def _stairs() -> list[list[object]]:
    """Hard steps, so that the ink of each cell is the one made for its colour."""
    return [[edge / STEPS, token(f"seq-{n + 1}")] for n in range(STEPS) for edge in (n, n + 1)]


def _label(cell: Pair, largest: int) -> Figure:
    return {
        "text": fmt.count(cell.customers),
        "x": cell.frequency,
        "y": cell.recency,
        "showarrow": False,
        "font": {"color": token(f"seq-ink-{_step(cell.customers, largest)}"), "size": 12},
    }


def _hover(cell: Pair, currency: str) -> str:
    head = f"<b>Recency {cell.recency}, frequency {cell.frequency}</b><br>"
    if cell.mean_monetary is None:
        return f"{head}No customers"
    return (
        f"{head}{fmt.exact(cell.customers)} customers<br>"
        f"{fmt.money_exact(cell.revenue_minor, currency)} revenue<br>"
        f"mean monetary score {cell.mean_monetary:.1f}"
    )
