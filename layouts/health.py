"""System health: how events flow, and those that were not taken. Layout only, no data."""

from __future__ import annotations

from typing import Final

from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.attributes import attrs
from layouts.cards import area_stores, card, rows_slot
from layouts.components import popover
from layouts.icons import icon
from layouts.page import Page
from layouts.tabs import Tab, tabs

_WHAT: Final = (
    "A dead letter is an event that is not counted: the API rejected it, or it was accepted and "
    "then nobody could read it. It waits here, whole, with the reason."
)
_ACTS: Final = (
    "Replay sends it again, as it is or as you edit it, and it is counted once. Discard removes it "
    "for good."
)


def layout(search: str | None) -> list[Component]:
    flow = Tab(
        "flow",
        "Event flow",
        (ids.EVENT_FLOW, ids.EVENT_GROUPS),
        [html.Div([_flow(), _groups()], className="grid12")],
    )
    letters = Tab(
        "letters",
        "Dead letters",
        (ids.LETTER_REASONS,),
        [
            html.Div([_reasons()], className="grid12"),
            html.Div(
                [_letters(), _letter()],
                id=ids.LETTERS_OPEN,
                className="grid12 letters-open",
                hidden="hidden",  # until a reason is chosen (assets/letters.js)
            ),
            *area_stores(ids.LETTER_REASONS),
            html.Div(id=ids.secret(ids.LETTER_REASONS), hidden="hidden"),
        ],
    )
    return tabs(ids.HEALTH_TABS, "Parts of system health", (flow, letters), search)


def _flow() -> Component:
    return card(
        ids.EVENT_FLOW,
        "From accepted to counted",
        [html.Div(id=ids.content(ids.EVENT_FLOW))],
        span=12,
        lead="Events of this tenant, now",
    )


def _groups() -> Component:
    return card(
        ids.EVENT_GROUPS,
        "Consumers",
        [rows_slot(ids.EVENT_GROUPS)],
        span=12,
        lead="Who reads the accepted events, and how far they are",
        flush=True,
    )


def _reasons() -> Component:
    meaning = html.Div(
        [html.B("What a dead letter is"), html.P(_WHAT), html.P(_ACTS)],
        className="menu text",
    )
    help_ = popover(
        [icon("question-circle")],
        meaning,
        label="What a dead letter is",
        face="button ghost sm icon",
        end=True,
    )
    return card(
        ids.LETTER_REASONS,
        "Dead letters by reason",
        [rows_slot(ids.LETTER_REASONS, ids.LETTER_REASONS)],
        span=12,
        lead="Events that are not counted, and why",
        flush=True,
        tools=[help_],
    )


def _letters() -> Component:
    csv = html.Button(
        [icon("download"), html.Span("CSV")],
        id=ids.csv(ids.LETTERS),
        type="button",
        n_clicks=0,
        className="button sm",
        **attrs({"aria-label": "Download the letters of this reason as CSV"}),
    )
    older = html.Button("Load older", id=ids.log_older(ids.LETTERS), type="button", hidden="hidden",
                        className="button", **attrs({"data-letters-older": "1"}))  # fmt: skip
    return card(
        ids.LETTERS,
        "Letters of this reason",
        [
            rows_slot(ids.LETTERS, ids.LETTER_REASONS),
            html.Div(older, className="log-more"),
            dcc.Store(id=ids.log_query(ids.LETTERS)),
            dcc.Download(id=ids.download(ids.LETTERS)),
        ],
        span=5,
        lead="Newest first",
        flush=True,
        tools=[csv],
    )


def _letter() -> Component:
    return card(
        ids.LETTER,
        "Letter",
        [
            html.Div(id=ids.content(ids.LETTER), className="letter"),
            dcc.Store(id=ids.log_query(ids.LETTER)),
            dcc.Store(id=ids.form_data(ids.LETTER)),
        ],
        span=7,
        lead="Choose one of the list",
    )


PAGE: Final = Page(
    path="/health",
    title="System health",
    lead="How events flow from accepted to counted, and which ones need a hand.",
    icon="heart-pulse",
    permission=Permission.DEAD_LETTERS_MANAGE,
    layout=layout,
)
