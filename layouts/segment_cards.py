"""One card a segment: its share of customers above its share of value. Values in, cards out."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from cip.domain.results import RfmSegment
from cip.figures import format as fmt
from cip.figures.palette import segment_look
from layouts import ids
from layouts.attributes import attrs
from layouts.icons import icon


def cards(segments: Sequence[RfmSegment], currency: str) -> list[Component]:
    """Both bars of every card share one scale, so that the gap is the message."""
    shares = [s for one in segments for s in (one.share_of_customers, one.share_of_revenue)]
    scale = max(shares, default=0) or 1
    return [_card(one, currency, scale) for one in segments]


def _card(one: RfmSegment, currency: str, scale: float) -> Component:
    look = segment_look(one.name)
    return html.Article(
        [
            html.Div(
                [
                    html.Span(icon(look.icon), className="ic"),
                    html.Div([html.H3(one.name), html.P(look.meaning, className="meaning")]),
                ],
                className="hd",
            ),
            html.Dl(
                [
                    *_bar("Customers", one.share_of_customers, scale, "track people"),
                    *_bar("Value", one.share_of_revenue, scale, "track"),
                ]
            ),
            html.Div(
                [
                    html.Span([html.B(fmt.count(one.customers)), " customers"]),
                    html.Span(["mean spend ", html.B(fmt.money(one.mean_revenue_minor, currency))]),
                ],
                className="ft",
            ),
        ],
        id=ids.segment(one.name),
        className="segment",
        style={"--c": look.color},
        **attrs({"data-segment": one.name, "data-customers": str(one.customers)}),
    )


def _bar(label: str, share: float, scale: float, look: str) -> list[Component]:
    width = f"{100 * share / scale:.1f}%"
    return [
        html.Dt(label),
        html.Dd(html.Span(html.I(style={"width": width}), className=look)),
        html.Dd(fmt.percent(share), className="num"),
    ]
