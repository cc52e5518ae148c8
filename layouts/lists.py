"""Ranked lists, the feed and the tables behind charts. Values in, components out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from cip.domain.events import PURCHASE, REFUND
from cip.domain.results import FeedEvent, RfmSegment
from cip.figures import format as fmt
from cip.figures.palette import event_type_color, segment_look
from cip.figures.rfm import Pair
from cip.figures.timeseries import Stack, slot_words
from layouts.attributes import attrs
from layouts.tables import Cell, Table, cell, table


def ranked(totals: Mapping[str, float], *, head: str, unit: str) -> Component:
    """Largest first; one hue, since colour would say nothing here."""
    whole = sum(totals.values())
    largest = max(totals.values(), default=0)
    rows = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    header = html.Div(
        [
            html.Span(head),
            html.Span(),
            html.Span(unit, className="num"),
            html.Span("Share", className="num"),
        ],
        className="ranked-head",
        **attrs({"aria-hidden": "true"}),
    )
    lines = [_ranked_line(name, value, whole, largest) for name, value in rows]
    return html.Div([header, html.Ul(lines, className="ranked-lines")], className="ranked-list")


def _ranked_line(name: str, value: float, whole: float, largest: float) -> Component:
    width = f"{100 * value / largest if largest else 0:.1f}%"
    return html.Li(
        [
            html.Span(name, className="name", title=name),
            html.Span(html.I(style={"width": width}), className="track"),
            html.Span(fmt.count(value), className="num", title=fmt.exact(value)),
            html.Span(fmt.percent(value / whole if whole else 0), className="num muted"),
        ],
        **attrs({"data-name": name, "data-value": f"{value:.0f}"}),
    )


def feed(events: Sequence[FeedEvent], currency: str) -> Table:
    head = [
        ("Age", "when num sub"),
        ("Event", "kind clip"),
        ("Customer", "id clip"),
        ("Channel", "clip sub lo"),
        ("Detail", "clip sub lo"),
    ]
    rows = [_feed_row(event, currency) for event in events]
    return table(head, rows, caption="Newest events, newest first", look="dense stack feed")


def _feed_row(event: FeedEvent, currency: str) -> list[Cell]:
    detail = _detail(event, currency)
    return [
        cell("", age=f"{event.occurred_at.timestamp():.3f}"),
        cell(event.type, dot=event_type_color(event.type), title=event.type),
        cell(event.customer_id, title=event.customer_id),
        event.channel,
        cell(detail, title=detail),
    ]


def _detail(event: FeedEvent, currency: str) -> str:
    """The detail of a purchase or a refund is its amount in minor units."""
    if event.type in (PURCHASE, REFUND) and event.detail.isdecimal():
        return fmt.money_exact(int(event.detail), currency)
    return event.detail


def stack_table(drawn: Stack) -> Table:
    """The stacked chart's figures: one row a bucket, newest first."""
    head = [("Time", ""), *((layer.name, "r") for layer in drawn.layers)]
    rows = [
        [slot_words(slot, drawn.zone), *(_rate(layer.values[at]) for layer in drawn.layers)]
        for at, slot in enumerate(drawn.slots)
    ]
    return table(head, rows[::-1], caption=f"{drawn.unit} by type", look="dense")


def amounts_table(points: Sequence[tuple[str, float, bool]], currency: str, *, head: str) -> Table:
    """Label, minor units, and whether the bucket is whole; newest first."""
    rows = [
        [label, fmt.money_exact(value, currency), "" if whole else "in part"]
        for label, value, whole in reversed(points)
    ]
    return table([("Time", ""), (head, "r"), ("", "")], rows, caption=head, look="dense")


def pairs_table(cells: Sequence[Pair], currency: str) -> Table:
    head = [("Recency", ""), ("Frequency", ""), ("Customers", "r"), ("Revenue", "r")]
    rows = [
        [
            str(pair.recency),
            str(pair.frequency),
            fmt.exact(pair.customers),
            fmt.money_exact(pair.revenue_minor, currency),
        ]
        for pair in cells
    ]
    return table(head, rows, caption="Customers by recency and frequency score", look="dense")


def segments_table(segments: Sequence[RfmSegment], currency: str) -> Table:
    head = [
        ("Segment", "id"),
        ("Customers", "r"),
        ("Revenue", "r"),
        ("Last purchase", "r sub lo"),
        ("Orders", "r sub lo"),
        ("Mean spend", "r sub lo"),
    ]
    rows = [_segment_row(one, currency) for one in segments]
    return table(head, rows, caption="Segments and their means", look="stack segments")


def _segment_row(one: RfmSegment, currency: str) -> list[Cell]:
    since = f"{one.mean_days_since_last_purchase:,.0f} d"
    exact = fmt.money_exact(one.revenue_minor, currency)
    return [
        cell(one.name, dot=segment_look(one.name).color),
        cell(fmt.exact(one.customers), label="customers"),
        cell(fmt.money(one.revenue_minor, currency), title=exact),
        cell(since, label="last purchase"),
        cell(fmt.decimal(one.mean_purchases), label="orders"),
        cell(fmt.money(one.mean_revenue_minor, currency), label="mean spend"),
    ]


def _rate(value: float) -> str:
    return fmt.exact(value) if float(value).is_integer() else fmt.decimal(value)
