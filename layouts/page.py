"""What a page is, and the head that every page begins with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids


@dataclass(frozen=True, slots=True)
class Page:
    """`layout` gets the URL's query string, to be checked, and holds no data."""

    path: str
    title: str
    lead: str
    icon: str
    permission: Permission
    layout: Callable[[str | None], Sequence[Component]]

    def render(self, search: str | None) -> list[Component]:
        return [head(self.title, self.lead), *self.layout(search)]


def head(title: str, lead: str) -> Component:
    return html.Div(
        [
            html.Div([html.H1(title, tabIndex=-1), html.P(lead, className="lead")]),
            html.Div(id=ids.FRESHNESS, className="fresh"),
        ],
        className="head",
    )


def message_page(title: str, lead: str) -> list[Component]:
    """For a path that does not exist, or that this role may not open."""
    return [
        html.Div(
            html.Div([html.H1(title, tabIndex=-1), html.P(lead, className="lead")]),
            className="head",
        ),
        html.P(html.A("Go to real-time analytics", href="/", className="button")),
    ]
