"""Filter chips: each shows its value and opens the choice behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.attributes import attrs
from layouts.components import popover
from layouts.icons import icon


def chip(control: str, label: str, menu: Sequence[Any], glyph: str | None = None) -> Component:
    """The chip of `control`: a callback in the browser keeps its shown value."""
    return popover(
        [
            *([icon(glyph)] if glyph else []),
            html.Span(label, className="what"),
            html.Span(id=ids.chip_value(control), className="value"),
            icon("chevron-down", "caret"),
        ],
        html.Div(list(menu), className="menu"),
        id=ids.chip(control),
        face="chip",
    )


def radios(control: str, options: Mapping[str, str], value: str, **extra: Any) -> Component:
    choice: Component = dbc.RadioItems(
        id=control,
        options=[{"value": key, "label": text} for key, text in options.items()],
        value=value,
        className="choices",
        **extra,
    )
    return choice


def day_field(control: str, label: str, value: date | None) -> Component:
    field = dbc.Input(id=control, type="date", value=value.isoformat() if value else None)
    return html.Label([label, field], className="field", htmlFor=control)


def filter_row(first: Component, more: Sequence[Component]) -> Component:
    """On a phone the first chip stays and the others move into a drawer."""
    return html.Div(
        [
            first,
            html.Button(
                [icon("sliders"), html.Span("Filters", className="value")],
                type="button",
                className="chip phone-only",
                **attrs(
                    {
                        "data-action": "drawer",
                        "data-drawer-name": "filters",
                        "aria-expanded": "false",
                    }
                ),
            ),
            html.Div(
                [
                    html.Div(
                        [
                            html.Span("Filters"),
                            html.Button(
                                icon("x-lg"),
                                type="button",
                                className="button ghost icon",
                                **attrs(
                                    {"data-action": "close-drawer", "aria-label": "Close filters"}
                                ),
                            ),
                        ],
                        className="filters-head",
                    ),
                    *more,
                ],
                className="filters-more",
            ),
        ],
        className="filters",
        role="group",
        **attrs({"aria-label": "Filters"}),
    )
