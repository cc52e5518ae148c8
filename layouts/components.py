"""Building blocks that pages and callbacks share: icons, popovers, panels, key figures, tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from dash import dcc, html
from dash.development.base_component import Component

from cip.figures.theme import CONFIG
from layouts import ids
from layouts.attributes import attrs
from layouts.definitions import PANEL, Definition
from layouts.icons import icon
from layouts.states import skeleton

Children = Sequence[Any] | Component | str | None
Shape = Literal["chart", "rows"]


def popover(
    summary: Sequence[Any], menu: Component, *, label: str | None = None, **options: Any
) -> Component:
    """A menu under a button. Works by keyboard without a script; Escape is added by one."""
    side = " end" if options.pop("end", False) else ""
    extra = options.pop("className", "")
    named = attrs({"aria-label": label} if label else {})
    return html.Details(
        [html.Summary(list(summary), className=options.pop("face", ""), **named), menu],
        className=f"pop{side} {extra}".strip(),
        **options,
    )


def info(definition: Definition) -> Component:
    """The 'i' beside a figure and the definition that it opens."""
    return popover(
        [icon("info-circle")],
        html.Div(
            [
                html.B(definition.title, className="strong"),
                html.P(definition.text),
                html.Span("Same figure in the API and the export", className="foot"),
            ],
            className="menu text",
        ),
        label=f"Definition of {definition.title}",
        className="info",
    )


def item(text: str, glyph: str, *, action: str, key: str = "", **options: Any) -> Component:
    """A menu line. `action` is read by assets/popovers.js; `key` is its letter while it is open."""
    hint = [html.Kbd(key)] if key else []
    return html.Button(
        [icon(glyph), html.Span(text), *hint],
        type="button",
        className="item",
        **attrs({"data-action": action, "data-key": key.lower()}),
        **options,
    )


def panel(
    name: str,
    title: str,
    *,
    span: int,
    body: Component,
    shape: Shape = "chart",
    tools: Sequence[Component] = (),
    chart: bool = True,
    csv: bool = True,
    flush: bool = False,
) -> Component:
    """A card with the same anatomy everywhere; its slots are filled by one callback."""
    return html.Section(
        [
            html.Header(
                [
                    html.Div([html.H2(title), html.P(id=ids.subtitle(name))], className="grow"),
                    html.Div([*tools, *_menu(name, title, chart, csv)], className="tools"),
                ]
            ),
            html.Div(
                [
                    html.Div(skeleton(shape), id=ids.state(name), className="statebox"),
                    html.Div(body, className="content"),
                ],
                className="body flush" if flush else "body",
            ),
            html.Footer(html.Div(id=ids.footer(name), className="grow")),
            dcc.Store(id=ids.drawn(name)),
            dcc.Download(id=ids.download(name)),
        ],
        id=name,
        className=f"panel c{span}",
        **attrs({"aria-label": title}),
    )


def chart(name: str, *, height: str, summary: str) -> Component:
    """A Plotly drawing, its legend for narrow screens and its table twin."""
    return html.Div(
        [
            html.Div(
                [
                    html.Div(id=ids.legend(name), className="legend above phone-only"),
                    html.Div(
                        dcc.Graph(
                            id=ids.graph(name),
                            figure={"data": [], "layout": {}},
                            config=cast("Any", CONFIG),
                            style={"height": "100%"},
                        ),
                        className=f"chart {height}",
                        role="img",
                        **attrs({"aria-label": summary}),
                    ),
                ],
                className="drawing",
            ),
            table_slot(name, "twin"),
            dcc.Store(id=ids.figure(name)),
        ]
    )


def _menu(name: str, title: str, chart: bool, csv: bool) -> list[Component]:
    items = [
        *([item("Show as table", "table", action="table", key="T")] if chart else []),
        *(
            [item("Download CSV", "download", action="csv", key="C", id=ids.csv(name), n_clicks=0)]
            if csv
            else []
        ),
        *([item("Download PNG", "image", action="png", key="P")] if chart else []),
        item("Definition", "info-circle", action="definition", key="D"),
    ]
    more = popover(
        [icon("three-dots")],
        html.Div(items, className="menu"),
        label=f"More for {title}",
        face="button ghost sm icon",
        end=True,
    )
    meaning = PANEL[name]
    text = html.Div(
        [html.B(meaning.title, className="strong"), html.P(meaning.text)], className="menu text"
    )
    return [
        more,
        popover([], text, label=f"Definition of {title}", end=True, className="definition"),
    ]


def table_slot(panel: str, look: str = "") -> Component:
    """Where the browser builds the table of a panel from its store."""
    return html.Div(
        [
            html.Div(id=ids.table(panel), className=look, tabIndex=0),
            dcc.Store(id=ids.table_data(panel)),
        ]
    )


def swatch(color: str, *, round_: bool = True) -> Component:
    return html.I(className="dot" if round_ else "sq", style={"background": color})


def legend(entries: Sequence[tuple[str, str]]) -> list[Component]:
    """Name and colour of each series, for screens too narrow for labels at the edge."""
    return [html.Span([swatch(color, round_=False), name]) for name, color in entries]


def age(epoch: float, *, before: str = "", after: str = " ago") -> Component:
    """A span that the browser fills with the time since `epoch` and keeps counting."""
    marks = {"data-age": f"{epoch:.3f}", "data-before": before, "data-after": after}
    return html.Span(**attrs(marks), className="num")
