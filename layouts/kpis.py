"""The KPI strip: its frame as components, its figures as data that the browser writes.

The figures change with every tick: as data they are a tenth of what their components weigh, and
a definition that somebody has open stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.results import Kpi
from cip.figures import format as fmt
from cip.figures.sparkline import sparkline
from layouts import ids
from layouts.attributes import attrs
from layouts.components import info
from layouts.definitions import KPI

_NOTHING: Final = {
    "average_order_minor": "No purchase in this period",
    "conversion_rate": "No active customer in this period",
    "engagement_mean": "No customer active in 28 days",
}
_METERED: Final = frozenset({"conversion_rate", "engagement_mean"})


Cell = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as people read it; `exact` is what hovering tells, `aside` stands small behind."""

    text: str
    exact: str
    aside: str = ""


def strip(panel: str, metrics: Sequence[str]) -> Component:
    """The cells of the metrics, waiting for their figures (assets/kpis.js)."""
    return html.Div(
        [
            html.Div(id=ids.state(panel), className="kpis-error"),
            *(_frame(metric) for metric in metrics),
            dcc.Store(id=ids.figures_data(panel)),
        ],
        id=ids.content(panel),
        className="kpis",
        role="group",
        **attrs({"aria-label": "Key figures", "data-kpis": "waiting"}),
    )


def _frame(metric: str) -> Component:
    return html.Div(
        [
            html.Div([KPI[metric].title, info(KPI[metric])], className="label"),
            html.Div(id=ids.kpi_figure(metric), className="figure"),
        ],
        id=ids.kpi(metric),
        className="kpi",
    )


def cell(
    metric: str,
    kpi: Kpi,
    *,
    currency: str,
    against: str | None,
    line: Sequence[float] = (),
    beside: str = "",
) -> Cell:
    """`against` names the window before ("previous 24 h"); None where nothing is compared.
    `beside` stands where a metric has no line."""
    return {
        **cell_of(metric, shown(metric, kpi, currency)),
        **_picture(metric, kpi, line, beside),
        **_change(metric, kpi, against),
    }


def cell_of(metric: str, value: Shown, *, note: str = "") -> Cell:
    """Value and, instead of a change, a note below it."""
    more = {"aside": value.aside, "note": note}
    return {
        "metric": metric,
        "text": value.text,
        "exact": value.exact,
        **{name: text for name, text in more.items() if text},
    }


def shown(metric: str, kpi: Kpi, currency: str) -> Shown:
    if kpi.value is None:
        return Shown(fmt.DASH, _NOTHING.get(metric, "Nothing to compute from"))
    if kpi.unit == "minor":
        return Shown(fmt.money(kpi.value, currency), fmt.money_exact(kpi.value, currency))
    if kpi.unit == "share":
        return Shown(fmt.percent(kpi.value), f"{kpi.value * 100:.4f} %")
    if kpi.unit == "score":
        return Shown(fmt.decimal(kpi.value), f"{kpi.value:.4f} of 100", "of 100")
    error = kpi.standard_error or 0
    aside = f"± {fmt.count(error)}" if round(error) else ""
    return Shown(fmt.count(kpi.value), fmt.exact(kpi.value), aside)


def _picture(metric: str, kpi: Kpi, line: Sequence[float], beside: str) -> Cell:
    if metric in _METERED and kpi.value is not None:
        filled = kpi.value * (100 if kpi.unit == "share" else 1)
        return {"meter": round(min(100.0, filled), 1)}
    if heights := sparkline(line):
        return {"line": heights}
    return {"beside": beside} if beside else {}


def _change(metric: str, kpi: Kpi, against: str | None) -> Cell:
    if kpi.value is None:
        return {"note": _NOTHING.get(metric, "Nothing to compute from")}
    if against is None:
        return {}
    versus = {"versus": f"vs {against}"}
    if kpi.before is None or kpi.change is None:
        return {"delta": "new" if kpi.value else "nothing yet", "tone": "flat", **versus}
    return {**_delta(metric, kpi.value, kpi.before, kpi.change, kpi.unit), **versus}


def _delta(metric: str, value: float, before: float, change: float, unit: str) -> Cell:
    text = f"{abs(value - before) * 100:.1f} pts" if unit == "share" else fmt.percent(abs(change))
    if text.startswith("0.0 "):
        return {"delta": "No change", "tone": "flat", "arrow": "dash"}
    up = value > before
    return {"delta": text, "tone": _tone(metric, up=up), "arrow": "up" if up else "down"}


def _tone(metric: str, *, up: bool) -> str:
    good = KPI[metric].good
    if good == "neither":
        return "flat"
    return "good" if up == (good == "up") else "bad"
