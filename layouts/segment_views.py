"""From an RFM result to the contents of the segments page. Values in, components out."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from cip.domain.results import Result, Rfm
from cip.figures import format as fmt
from cip.figures.rfm import STEPS, heatmap, pairs
from cip.figures.theme import token
from layouts.kpis import Cell, Shown, cell_of
from layouts.lists import pairs_table, segments_table
from layouts.view import View, subtitle


def kpi_cells(result: Result[Rfm]) -> list[Cell]:
    rfm, currency = result.data, result.envelope.currency
    populated = [one for one in rfm.segments if one.customers]
    top = max(populated, key=lambda one: one.share_of_revenue, default=None)
    as_of = f"as of {_day(result)}"
    share = fmt.percent(top.share_of_revenue) if top else fmt.DASH
    return [
        cell_of("customers", Shown(fmt.count(rfm.customers), fmt.exact(rfm.customers)), note=as_of),
        cell_of("segments", Shown(str(len(populated)), str(len(populated))), note="with customers"),
        cell_of(
            "revenue",
            Shown(
                fmt.money(rfm.revenue_minor, currency),
                fmt.money_exact(rfm.revenue_minor, currency),
            ),
            note="of all their purchases",
        ),
        cell_of("top_share", Shown(share, share), note=f"in {top.name}" if top else "no segment"),
    ]


def grid_view(result: Result[Rfm], *, refreshing: bool) -> View:
    cells = pairs(result.data)
    most = max(cell.customers for cell in cells)
    if not most:
        return View()
    return View(
        content=heatmap(result.data, result.envelope.currency),
        subtitle=subtitle(
            "Customers in each pair of scores", result.envelope, refreshing=refreshing
        ),
        footer=_scale(most),
        twin=pairs_table(cells, result.envelope.currency),
    )


def table_view(result: Result[Rfm], *, refreshing: bool) -> View:
    if not result.data.segments:
        return View()
    return View(
        content=segments_table(result.data.segments, result.envelope.currency),
        subtitle=subtitle(
            f"As of {_day(result)}, means per customer", result.envelope, refreshing=refreshing
        ),
        footer=f"{fmt.exact(result.data.customers)} customers in all",
    )


def _day(result: Result[Rfm]) -> str:
    return fmt.day(result.data.as_of, ZoneInfo(result.envelope.timezone))


def _scale(most: int) -> Component:
    steps = [html.I(style={"background": token(f"seq-{n}")}) for n in range(1, STEPS + 1)]
    return html.Span(
        ["few", html.Span(steps, className="steps"), f"{fmt.exact(most)} customers"],
        className="scale",
    )
