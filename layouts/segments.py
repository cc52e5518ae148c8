"""Segments: which groups customers form, and where the value sits. Layout only, no data."""

from __future__ import annotations

from typing import Final

from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.components import chart, panel, table_slot
from layouts.controls import chip, day_field, filter_row, radios
from layouts.definitions import SEGMENT_KPIS
from layouts.filters import METHODS, SegmentFilters, segment_filters
from layouts.kpis import strip
from layouts.page import Page
from layouts.states import notice, skeleton

_CARDS: Final = 6


def layout(search: str | None) -> list[Component]:
    filters = segment_filters(search)
    return [
        _filters(filters),
        html.Div(
            [notice(text) for text in filters.problems], id=ids.SEGMENT_NOTICES, role="status"
        ),
        strip(ids.RFM_KPIS, SEGMENT_KPIS),
        html.Div(
            [html.Div(skeleton("rows"), className="segment") for _ in range(_CARDS)],
            id=ids.content(ids.RFM_CARDS),
            className="segment-cards",
        ),
        html.Div([_grid(), _table()], className="grid12"),
        dcc.Store(id=ids.SEGMENT_FILTERS),
        dcc.Store(id=ids.drawn(ids.RFM_KPIS)),
    ]


def _filters(filters: SegmentFilters) -> Component:
    return filter_row(
        chip(ids.METHOD, "Method", [radios(ids.METHOD, METHODS, filters.method)], "grid-3x3"),
        [
            chip(
                ids.AS_OF,
                "As of",
                [
                    html.Div(
                        day_field(ids.AS_OF, "Up to the end of", filters.as_of), className="range"
                    )
                ],
            )
        ],
    )


def _grid() -> Component:
    return panel(
        ids.RFM_GRID,
        "Recency and frequency",
        span=5,
        body=chart(
            ids.RFM_GRID, height="square", summary="Customers by recency and frequency score"
        ),
    )


def _table() -> Component:
    return panel(
        ids.RFM_TABLE,
        "All segments",
        span=7,
        body=table_slot(ids.RFM_TABLE),
        shape="rows",
        chart=False,
        flush=True,
    )


PAGE: Final = Page(
    path="/segments",
    title="Segments",
    lead="Which groups your customers form, and where the value sits.",
    icon="pie-chart",
    permission=Permission.ANALYTICS_VIEW,
    layout=layout,
)
