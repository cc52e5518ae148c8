"""Real-time analytics: what customers are doing now. Layout only, no data."""

from __future__ import annotations

from typing import Final

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.attributes import attrs
from layouts.components import chart, panel, table_slot
from layouts.controls import chip, day_field, filter_row, radios
from layouts.definitions import HOME_KPIS
from layouts.filters import CUSTOM, PERIODS, HomeFilters, home_filters
from layouts.icons import icon
from layouts.kpis import strip
from layouts.page import Page
from layouts.states import notice


def layout(search: str | None) -> list[Component]:
    filters = home_filters(search)
    return [
        _filters(filters),
        html.Div([notice(text) for text in filters.problems], id=ids.HOME_NOTICES, role="status"),
        strip(ids.KPIS, HOME_KPIS),
        html.Div([_events(), _channels()], className="grid12"),
        html.Div([_revenue(), _feed()], className="grid12"),
        dcc.Store(id=ids.HOME_FILTERS),
        dcc.Store(id=ids.drawn(ids.KPIS)),
        dcc.Store(id=ids.FEED_PAUSED, data=False),
        dcc.Download(id=ids.download(ids.KPIS)),
    ]


def _filters(filters: HomeFilters) -> Component:
    period = chip(
        ids.PERIOD,
        "Period",
        [
            radios(ids.PERIOD, {**PERIODS, CUSTOM: "Custom range"}, filters.period),
            html.Div(
                [
                    day_field(ids.PERIOD_START, "First day", filters.start),
                    day_field(ids.PERIOD_END, "Last day", filters.end),
                ],
                className="range",
            ),
        ],
        "calendar3",
    )
    against = {"previous": "Previous period", "none": "Nothing"}
    channels = dbc.Checklist(
        id=ids.CHANNEL,
        options=[{"value": name, "label": name} for name in filters.channels],
        value=list(filters.channels),
        className="choices",
    )
    return filter_row(
        period,
        [
            chip(ids.AGAINST, "Against", [radios(ids.AGAINST, against, filters.against)]),
            chip(ids.CHANNEL, "Channel", [channels]),
            html.Span(className="grow"),
            html.Button(
                [icon("download"), "Export"],
                id=ids.EXPORT_KPIS,
                type="button",
                className="button",
                n_clicks=0,
                title="The key figures as CSV",
            ),
        ],
    )


def _events() -> Component:
    split = dbc.RadioItems(
        id=ids.SPLIT,
        options=[{"value": "type", "label": "By type"}, {"value": "total", "label": "Total"}],
        value="type",
        className="seg wide-only",
    )
    return panel(
        ids.EVENTS,
        "Events by type",
        span=8,
        body=chart(ids.EVENTS, height="h320", summary="Events over time by type"),
        tools=[split],
    )


def _channels() -> Component:
    return panel(
        ids.CHANNELS,
        "Channel mix",
        span=4,
        body=html.Div(id=ids.content(ids.CHANNELS)),
        shape="rows",
        chart=False,
    )


def _revenue() -> Component:
    return panel(
        ids.REVENUE,
        "Revenue",
        span=5,
        body=chart(ids.REVENUE, height="h264", summary="Revenue over time"),
    )


def _feed() -> Component:
    tools = [
        html.Button(
            [icon("pause-fill"), html.Span("Pause", className="text")],
            id=ids.FEED_PAUSE,
            type="button",
            className="button sm",
            n_clicks=0,
            **attrs({"aria-pressed": "false"}),
        ),
        html.Button(
            icon("filter"),
            type="button",
            className="button sm icon",
            **attrs(
                {
                    "data-action": "reveal",
                    "data-target": "feed-filter-row",
                    "aria-label": "Filter events",
                    "aria-expanded": "false",
                }
            ),
        ),
    ]
    field = dbc.Input(
        id=ids.FEED_FILTER,
        type="search",
        placeholder="Type, customer, channel or detail",
        debounce=0.3,
        maxlength=128,
    )
    labelled = html.Label([html.Span("Filter the newest events", className="sr-only"), field])
    return panel(
        ids.FEED,
        "Newest events",
        span=7,
        body=html.Div(
            [
                html.Div(labelled, id="feed-filter-row", className="feed-filter", hidden=True),
                table_slot(ids.FEED, "feed-scroll"),
            ]
        ),
        shape="rows",
        tools=tools,
        chart=False,
        csv=False,
        flush=True,
    )


PAGE: Final = Page(
    path="/",
    title="Real-time analytics",
    lead="What customers are doing now, and how it compares.",
    icon="activity",
    permission=Permission.ANALYTICS_VIEW,
    layout=layout,
)
