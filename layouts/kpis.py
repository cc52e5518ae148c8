"""The cells of a KPI strip: label, value, change, sparkline. Values in, components out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dash import html
from dash.development.base_component import Component

from cip.domain.results import Kpi
from cip.figures import format as fmt
from cip.figures.sparkline import sparkline
from layouts import ids
from layouts.components import info
from layouts.definitions import KPI
from layouts.icons import icon

_NOTHING: Final = {
    "average_order_minor": "No purchase in this period",
    "conversion_rate": "No active customer in this period",
    "engagement_mean": "No customer active in 28 days",
}
_METERED: Final = frozenset({"conversion_rate", "engagement_mean"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as people read it; `exact` is what hovering tells, `aside` stands small behind."""

    text: str
    exact: str
    aside: str = ""


def cell(
    metric: str,
    kpi: Kpi,
    *,
    currency: str,
    against: str | None,
    line: Sequence[float] = (),
    beside: str = "",
) -> Component:
    """`against` names the window before ("previous 24 h"); None where nothing is compared.
    `beside` stands where a metric has no line."""
    value = shown(metric, kpi, currency)
    return cell_of(
        metric,
        value,
        picture=_picture(metric, kpi, line, beside),
        change=_change(metric, kpi, against),
    )


def cell_of(
    metric: str,
    value: Shown,
    *,
    picture: Component | None = None,
    change: Sequence[Component | str] = (),
) -> Component:
    aside = [html.Small(value.aside)] if value.aside else []
    return html.Div(
        [
            html.Div([KPI[metric].title, info(KPI[metric])], className="label"),
            html.Div(
                [html.Span(value.text, id=ids.kpi_value(metric)), *aside],
                className="value",
                title=value.exact,
            ),
            html.Span() if picture is None else picture,  # a childless component is falsy
            html.Div(list(change), className="change"),
        ],
        id=ids.kpi(metric),
        className="kpi",
    )


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


def _picture(metric: str, kpi: Kpi, line: Sequence[float], beside: str) -> Component | None:
    if metric in _METERED and kpi.value is not None:
        width = kpi.value * (100 if kpi.unit == "share" else 1)
        return html.Span(html.I(style={"width": f"{min(100.0, width):.1f}%"}), className="meter")
    shape = sparkline(line)
    if shape is None:
        return html.Span(beside, className="beside") if beside else None
    return html.Span(className="spark", style={"--shape": f'url("{shape}")'})


def _change(metric: str, kpi: Kpi, against: str | None) -> list[Component | str]:
    if kpi.value is None:
        return [html.Span(_NOTHING.get(metric, "Nothing to compute from"))]
    if against is None:
        return []
    versus = html.Span(f"vs {against}", className="versus")
    if kpi.before is None or kpi.change is None:
        return [html.Span("new" if kpi.value else "nothing yet", className="delta flat"), versus]
    return [_delta(metric, kpi.value, kpi.before, kpi.change, kpi.unit), versus]


def _delta(metric: str, value: float, before: float, change: float, unit: str) -> Component:
    text = f"{abs(value - before) * 100:.1f} pts" if unit == "share" else fmt.percent(abs(change))
    if text.startswith("0.0 "):
        return html.Span([icon("dash"), "No change"], className="delta flat")
    up = value > before
    arrow = icon("arrow-up" if up else "arrow-down")
    word = html.Span("up" if up else "down", className="sr-only")
    return html.Span([arrow, word, f" {text}"], className=f"delta {_tone(metric, up=up)}")


def _tone(metric: str, *, up: bool) -> str:
    good = KPI[metric].good
    if good == "neither":
        return "flat"
    return "good" if up == (good == "up") else "bad"
