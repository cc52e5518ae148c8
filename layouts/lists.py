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
from layouts.components import age, swatch, table


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


def feed(events: Sequence[FeedEvent], currency: str) -> Component:
    head = [("Age", ""), ("Event", ""), ("Customer", ""), ("Channel", ""), ("Detail", "")]
    rows = [_feed_row(event, currency) for event in events]
    return table(head, rows, caption="Newest events, newest first", look="dense stack feed")


def _feed_row(event: FeedEvent, currency: str) -> list[Component]:
    dot = swatch(event_type_color(event.type))
    detail = _detail(event, currency)
    return [
        html.Td(age(event.occurred_at.timestamp(), after=""), className="num sub when"),
        html.Td([dot, event.type], className="kind clip", title=event.type),
        html.Td(event.customer_id, className="id clip", title=event.customer_id),
        html.Td(event.channel, className="clip sub lo"),
        html.Td(detail, className="clip sub lo", title=detail),
    ]


def _detail(event: FeedEvent, currency: str) -> str:
    """The detail of a purchase or a refund is its amount in minor units."""
    if event.type in (PURCHASE, REFUND) and event.detail.isdecimal():
        return fmt.money_exact(int(event.detail), currency)
    return event.detail


def stack_table(drawn: Stack) -> Component:
    """The stacked chart's figures: one row a bucket, newest first."""
    head = [("Time", ""), *((layer.name, "r") for layer in drawn.layers)]
    rows = [
        [slot_words(slot, drawn.zone), *(_rate(layer.values[at]) for layer in drawn.layers)]
        for at, slot in enumerate(drawn.slots)
    ]
    return table(head, rows[::-1], caption=f"{drawn.unit} by type", look="dense")


def amounts_table(
    points: Sequence[tuple[str, float, bool]], currency: str, *, head: str
) -> Component:
    """Label, minor units, and whether the bucket is whole; newest first."""
    rows = [
        [label, fmt.money_exact(value, currency), "" if whole else "in part"]
        for label, value, whole in reversed(points)
    ]
    return table([("Time", ""), (head, "r"), ("", "")], rows, caption=head, look="dense")


def pairs_table(cells: Sequence[Pair], currency: str) -> Component:
    head = [("Recency", ""), ("Frequency", ""), ("Customers", "r"), ("Revenue", "r")]
    rows = [
        [
            str(cell.recency),
            str(cell.frequency),
            fmt.exact(cell.customers),
            fmt.money_exact(cell.revenue_minor, currency),
        ]
        for cell in cells
    ]
    return table(head, rows, caption="Customers by recency and frequency score", look="dense")


def segments_table(segments: Sequence[RfmSegment], currency: str) -> Component:
    head = [
        ("Segment", ""),
        ("Customers", "r"),
        ("Revenue", "r"),
        ("Last purchase", "r"),
        ("Orders", "r"),
        ("Mean spend", "r"),
    ]
    rows = [_segment_row(one, currency) for one in segments]
    return table(head, rows, caption="Segments and their means", look="stack segments")


def _segment_row(one: RfmSegment, currency: str) -> list[Component]:
    name = html.Td([swatch(segment_look(one.name).color), one.name], className="id")
    since = f"{one.mean_days_since_last_purchase:,.0f} d"
    return [
        name,
        html.Td(fmt.exact(one.customers), className="r", **attrs({"data-label": "customers"})),
        html.Td(
            fmt.money(one.revenue_minor, currency),
            className="r",
            title=fmt.money_exact(one.revenue_minor, currency),
        ),
        _low(since, "since last purchase"),
        _low(fmt.decimal(one.mean_purchases), "orders"),
        _low(fmt.money(one.mean_revenue_minor, currency), "mean spend"),
    ]


def _low(text: str, label: str) -> Component:
    return html.Td(text, className="r sub lo", **attrs({"data-label": label}))


def _rate(value: float) -> str:
    return fmt.exact(value) if float(value).is_integer() else fmt.decimal(value)
