"""The card of an audit log: filter, export, proof of the chain, the entries."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids
from layouts.attributes import attrs
from layouts.cards import card, rows_slot
from layouts.icons import icon


def audit_card(panel: str, title: str) -> Component:
    return card(
        panel,
        title,
        [
            _tools(panel),
            rows_slot(panel),
            html.Div(
                html.Button(
                    "Load older",
                    id=ids.log_older(panel),
                    type="button",
                    className="button",
                    hidden="hidden",
                    **attrs({"data-older": panel}),
                ),
                className="log-more",
            ),
            dcc.Store(id=ids.log_query(panel)),
            dcc.Download(id=ids.download(panel)),
        ],
        span=12,
        lead="Newest first. Entries can be neither changed nor removed without a trace.",
        flush=True,
        tools=[html.Div(id=ids.verified(panel), role="status", className="verified")],
    )


def _tools(panel: str) -> Component:
    return html.Div(
        [
            dbc.Input(
                id=ids.log_filter(panel),
                type="search",
                placeholder="Filter by person, action, target, request…",
                className="log-filter",
                autocomplete="off",
                maxlength=120,
            ),
            html.Span(className="grow"),
            html.Button(
                [icon("shield-check"), html.Span("Verify the chain")],
                id=ids.verify(panel),
                type="button",
                n_clicks=0,
                className="button",
            ),
            html.Button(
                [icon("download"), html.Span("CSV")],
                id=ids.csv(panel),
                type="button",
                n_clicks=0,
                className="button",
                **attrs({"aria-label": "Download what is shown as CSV"}),
            ),
        ],
        className="log-tools",
        **attrs({"data-log": panel}),
    )
