"""What stands in a panel when there is no figure: loading, empty, failed."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from layouts.attributes import attrs
from layouts.icons import icon

_HEIGHTS = (34, 47, 43, 57, 64, 51, 80, 78, 100, 84, 71, 52, 38)


def skeleton(shape: str, *, pending: bool = False) -> Component:
    """The shape of what comes. `pending` asks the browser to look again soon."""
    marked = attrs({"data-pending": "1"} if pending else {})
    inner = _skeleton_chart() if shape == "chart" else _skeleton_rows()
    return html.Div([html.Span("Loading", className="sr-only"), inner], role="status", **marked)


def empty(title: str, why: str, glyph: str = "inbox") -> Component:
    return html.Div(
        [
            html.Span(
                icon(glyph),
                className="pic",
            ),
            html.B(title),
            html.P(why),
        ],
        className="state",
    )


def failure(title: str, what: str, details: list[tuple[str, str]]) -> Component:
    """What happened and what still works; request id and time are folded away."""
    lines = [part for name, value in details for part in (html.Dt(name), html.Dd(value))]
    return html.Div(
        [
            html.Div(
                [
                    html.I(
                        className="bi bi-exclamation-triangle", **attrs({"aria-hidden": "true"})
                    ),
                    html.Div([html.B(title), html.P(what)]),
                ],
                className="msg",
            ),
            html.Details(
                [
                    html.Summary(
                        [
                            html.I(
                                className="bi bi-chevron-right", **attrs({"aria-hidden": "true"})
                            ),
                            "Details",
                        ]
                    ),
                    html.Dl(lines),
                ],
                className="fold",
            ),
            html.Div(
                [
                    html.Button(
                        [
                            html.I(
                                className="bi bi-arrow-clockwise", **attrs({"aria-hidden": "true"})
                            ),
                            "Try again",
                        ],
                        type="button",
                        className="button",
                        **attrs({"data-action": "retry"}),
                    ),
                    html.Button(
                        "Copy details",
                        type="button",
                        className="button ghost",
                        **attrs({"data-action": "copy-details"}),
                    ),
                ],
                className="acts",
            ),
        ],
        className="error",
        role="alert",
    )


def notice(text: str) -> Component:
    return html.P(
        [icon("info-circle"), text],
        className="notice",
    )


def _skeleton_chart() -> Component:
    bars = [html.Span(className="sk", style={"height": f"{height}%"}) for height in _HEIGHTS]
    return html.Div(
        [
            html.Div(bars, className="skeleton-bars"),
            html.Div([html.Span(className="sk") for _ in range(4)], className="skeleton-axis"),
        ],
        className="skeleton",
    )


def _skeleton_rows() -> Component:
    rows = [html.Span(className=f"sk h16 {width}") for width in ("w80", "w60", "w80", "w40", "w60")]
    return html.Div(rows, className="skeleton-rows")
