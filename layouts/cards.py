"""Cards of the administration: the anatomy of a panel, for forms, lists and tables of rows."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids
from layouts.attributes import attrs
from layouts.states import skeleton


def card(
    name: str,
    title: str,
    body: Sequence[Component],
    *,
    span: int,
    tools: Sequence[Component] = (),
    lead: str = "",
    flush: bool = False,
    reads: bool = True,
) -> Component:
    """`reads`: it waits for data, which `callbacks._areas` fills in when `opened` says so."""
    waiting = [html.Div(skeleton("rows"), id=ids.state(name), className="statebox")]
    stores = [dcc.Store(id=ids.opened(name)), dcc.Store(id=ids.drawn(name))]
    return html.Section(
        [
            html.Header(
                [
                    html.Div(
                        [html.H2(title), html.P(lead, id=ids.subtitle(name))], className="grow"
                    ),
                    html.Div(list(tools), className="tools"),
                ]
            ),
            html.Div(
                [*(waiting if reads else []), html.Div(list(body), className="content")],
                className="body flush" if flush else "body",
            ),
            html.Footer(html.Div(id=ids.footer(name), className="grow")),
            *(stores if reads else []),
        ],
        id=name,
        className=f"panel c{span}",
        **attrs({"aria-label": title}),
    )


def rows_slot(panel: str, area: str = "") -> Component:
    """Where the browser builds the panel's table (assets/rows.js). `area`: takes what its rows'
    controls ask for."""
    marks = attrs({"data-area": area} if area else {})
    return html.Div(
        [
            html.Div(id=ids.table(panel), className="work-slot", **marks),
            dcc.Store(id=ids.table_data(panel)),
        ]
    )


def area_stores(area: str) -> list[Component]:
    """What a person asked for, and what came of it."""
    return [dcc.Store(id=ids.act(area)), dcc.Store(id=ids.answer(area))]


def secret_slot(area: str) -> Component:
    return html.Div(id=ids.secret(area), className="secret", role="status")
