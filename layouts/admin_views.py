"""A tenant's use and limits, as components. Values in, components out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from cip.domain.events import MAX_EVENT_BYTES, MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from cip.domain.tenants import Tenant
from cip.figures import format as fmt
from layouts.attributes import attrs
from layouts.components import age
from layouts.states import skeleton

_KILO: Final = 1024


def key_figures(people: int, keys: int, events: int | None, newest: datetime | None) -> Component:
    """`events`: of the last 7 days, None while they are being computed."""
    counted = fmt.DASH if events is None else fmt.count(events)
    exact = "Still being computed" if events is None else fmt.exact(events)
    since: Any = age(newest.timestamp()) if newest else fmt.DASH
    return html.Div(
        [
            _figure("People", fmt.count(people), "who may sign in", "users"),
            _figure("API keys", fmt.count(keys), "not revoked", "keys"),
            _figure("Events", counted, "in the last 7 days", "", exact),
            _figure("Newest event", since, "by its own time" if newest else "None so far", ""),
        ],
        className="key-figures",
    )


def _figure(label: str, value: Any, note: str, tab: str, exact: str = "") -> Component:
    inside = [
        html.Span(label, className="label"),
        html.Span(value, className="value", title=exact or None),
        html.Span(note, className="note"),
    ]
    if not tab:
        return html.Div(inside, className="key-figure")
    return html.Button(inside, type="button", className="key-figure", **attrs({"data-go-tab": tab}))


def activity(days: Sequence[tuple[datetime, int]] | None, zone: ZoneInfo) -> Component:
    """A bar a day, the last one unfinished. None: still being computed."""
    if days is None:
        return skeleton("chart", pending=True)
    most = max(events for _, events in days)
    last = len(days) - 1
    return html.Ol(
        [
            _day(start, events, most, zone, unfinished=at == last)
            for at, (start, events) in enumerate(days)
        ],
        className="day-bars",
    )


def _day(start: datetime, events: int, most: int, zone: ZoneInfo, *, unfinished: bool) -> Component:
    local = start.astimezone(zone)
    so_far = " so far" if unfinished else ""
    return html.Li(
        [
            html.Span(fmt.count(events), className="num"),
            html.I(
                style={"height": f"{100 * events / most:.1f}%"},
                className="open" if unfinished else "",
                **attrs({"aria-hidden": "true"}),
            ),
            html.Span([f"{local:%a} {local.day}", html.Span(so_far, className="sr-only")]),
        ],
        title=f"{fmt.day(start, zone)}: {fmt.exact(events)} events{so_far}",
    )


def limits(tenant: Tenant, events_in_stream: int) -> Component:
    days = tenant.retention_days
    lines = [
        ("Events in one request", f"{fmt.exact(MAX_EVENTS_PER_REQUEST)} at most"),
        ("Size of a request", f"{MAX_REQUEST_BYTES // _KILO**2} MB at most"),
        ("Size of an event", f"{MAX_EVENT_BYTES // _KILO} kB at most"),
        ("Age of an event", f"{fmt.exact(days)} days at most" if days else "Any"),
        ("Held in the live stream", f"{fmt.count(events_in_stream)} events"),
        ("People, keys, events", "No limit is set"),
    ]
    pairs = [part for name, value in lines for part in (html.Dt(name), html.Dd(value))]
    return html.Dl(pairs, className="limits")
