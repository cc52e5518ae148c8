"""How a tenant's events flow, as key figures. Values in, components out."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component

from cip.domain.event_flow import EventFlow
from cip.figures import format as fmt
from layouts.attributes import attrs

_KILO = 1024


def flow_figures(flow: EventFlow) -> Component:
    late = flow.late_events / flow.events_counted if flow.events_counted else 0
    return html.Div(
        [
            _figure("In the stream", flow.stream_length, _size(flow.stream_bytes)),
            _figure("Counted", flow.events_counted, "by the live counters"),
            _figure("Late", flow.late_events, f"{fmt.percent(late)}, by more than an hour"),
            _figure("Dead letters", flow.dead_letters, "not counted", tab="letters"),
        ],
        className="key-figures",
    )


def _size(many: int) -> str:
    kilo = many / _KILO
    if kilo < _KILO:
        return f"about {fmt.exact(round(kilo))} KB of memory"
    return f"about {fmt.decimal(kilo / _KILO)} MB of memory"


def _figure(label: str, value: int, note: str, *, tab: str = "") -> Component:
    inside: list[Any] = [
        html.Span(label, className="label"),
        html.Span(fmt.count(value), className="value", title=fmt.exact(value)),
        html.Span(note, className="note"),
    ]
    if not tab:
        return html.Div(inside, className="key-figure")
    return html.Button(inside, type="button", className="key-figure", **attrs({"data-go-tab": tab}))
