"""From an outcome to what a panel shows: the one way in which every panel loads and fails."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final, Protocol
from zoneinfo import ZoneInfo

import orjson
from dash import Input, Output, State
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from cip.domain.errors import UnavailableError
from cip.domain.principals import Principal
from cip.domain.results import Result
from cip.services.outcomes import Outcome, Problem
from cip.services.views import Made
from layouts import ids
from layouts.states import empty, failure, skeleton
from layouts.view import Children, View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup


class Drawing(Protocol):
    """A view of a result; `refreshing`: a newer one is being computed."""

    def __call__(self, result: Result[Any], *, refreshing: bool) -> View: ...


# Where a tenant has no event at all, whatever the panel and its filters.
FIRST_STEPS: Final = (
    "No events yet",
    (
        "Figures appear with the first event. An administrator makes a key (Administration, "
        "API keys) for a program that sends events, or imports a file with the command cip import."
    ),
)
_STANDS: Final = "The other cards are read apart from it."


def triggers(filters: str) -> tuple[Input, Input, Input]:
    """New filters, new data, or a panel that asked to be looked at again."""
    return Input(filters, "data"), Input(ids.VERSION, "data"), Input(ids.NUDGE, "data")


def chart_outputs(panel: str) -> tuple[Output, ...]:
    return (
        Output(ids.figure(panel), "data"),
        *_frame(panel),
        Output(ids.legend(panel), "children"),
        Output(ids.table_data(panel), "data"),
    )


def list_outputs(panel: str) -> tuple[Output, ...]:
    return (Output(ids.content(panel), "children"), *_frame(panel))


def table_outputs(panel: str) -> tuple[Output, ...]:
    """For a panel that is a table: values as for `list_outputs`."""
    return (Output(ids.table_data(panel), "data"), *_frame(panel))


def strip_output(panel: str) -> Output:
    """For a KPI strip: one value, which the browser spreads. Ticks ask for it all the time, and
    each output costs."""
    return Output(ids.figures_data(panel), "data")


def drawn_state(panel: str) -> State:
    return State(ids.drawn(panel), "data")


def chart_values(
    outcome: Outcome, drawn: object, view: Drawing, nothing: tuple[str, str]
) -> tuple[Any, ...]:
    """Values for `chart_outputs`. `nothing`: title and reason of the empty state."""
    state, shown = settle(outcome, drawn, view, nothing, "chart")
    return (*_frame_values(state, shown), shown.legend or [], shown.twin)


def list_values(
    outcome: Outcome, drawn: object, view: Drawing, nothing: tuple[str, str]
) -> tuple[Any, ...]:
    """Values for `list_outputs`."""
    state, shown = settle(outcome, drawn, view, nothing, "rows")
    return _frame_values(state, shown)


def strip_value(
    outcome: Outcome, drawn: object, view: Drawing, nothing: tuple[str, str]
) -> dict[str, Any]:
    """The value for `strip_output`; the content of `view` is a list of cells. `instead`: what
    stands in their place."""
    if outcome.state == "pending":
        return {"state": "pending", "instead": []}
    state, shown = settle(outcome, drawn, view, nothing, "rows")
    if shown.content is None:
        return {"state": "trouble", "instead": state}
    return {"state": "shown", "cells": shown.content, "instead": []}


def shared(
    services: Services,
    principal: Principal,
    name: Hashable,
    told: object,
    draw: Callable[[], Made],
) -> Any:
    """What `draw` returns, as JSON: drawn once for all who look at the same data in the same way.

    `told`: the version that the page knows.
    """
    try:
        return services.views.shared(principal, name, told, lambda: _encoded(draw()))
    except UnavailableError:
        return draw().value


def _encoded(made: Made) -> Made:
    """As JSON text, which Dash then passes on as it is."""
    return Made(orjson.Fragment(orjson.dumps(made.value, default=_as_plain)), made.lasts)


def _as_plain(value: Any) -> Any:
    if isinstance(value, Component):
        return value.to_plotly_json()  # type: ignore[no-untyped-call]
    raise TypeError(f"a {type(value).__name__} is nothing that a panel can show")


def require_ready(filters: object, version: object) -> None:
    """A page asks once: when its filters are read and the first tick has told the version."""
    if filters is None or version is None:
        raise PreventUpdate


def settle(
    outcome: Outcome,
    drawn: object,
    view: Drawing,
    nothing: tuple[str, str],
    shape: str,
) -> tuple[Children, View]:
    """The state box and the view. While Redis is away, what is drawn stays as it is."""
    if outcome.result is not None and outcome.state in ("ready", "stale"):
        shown = view(outcome.result, refreshing=outcome.state == "stale")
        return ([] if shown.content is not None else empty(*nothing)), shown
    if outcome.state == "unreachable" and drawn:
        raise PreventUpdate
    if outcome.state == "pending":
        return skeleton(shape, pending=True), View()
    if outcome.state == "empty":
        return empty(*FIRST_STEPS), View()
    return trouble(outcome.problem, away=outcome.state == "unreachable"), View()


def trouble(problem: Problem | None, *, away: bool) -> Component:
    title = "The store does not answer" if away else "This card could not be read"
    what = problem.message if problem else "No answer came in time."
    return failure(title, f"{what} {'' if away else _STANDS}".strip(), problem_details(problem))


def problem_details(problem: Problem | None) -> list[tuple[str, str]]:
    if problem is None:
        return [("What", "no answer")]
    lines = [
        ("Request", problem.request_id),
        ("Failed at", f"{problem.at:%H:%M:%S} UTC"),
        ("What", problem.code),
    ]
    return [*lines, ("Field", problem.field)] if problem.field else lines


def register_table(group: CallbackGroup, panel: str) -> None:
    """The browser builds the table; how many rows it has is the output."""
    group.clientside(
        "table",
        Output(ids.table(panel), "data-rows"),
        Input(ids.table_data(panel), "data"),
        State(ids.table(panel), "id"),
    )


def zone_of(services: Services, principal: Principal) -> ZoneInfo:
    """The tenant's; while Redis is away, what is drawn stays as it is."""
    try:
        return ZoneInfo(services.pulse.status(principal).timezone)
    except UnavailableError:
        raise PreventUpdate from None


def register_strip(group: CallbackGroup, panel: str) -> None:
    """The browser writes the figures into the cells, and says what the strip's state is, what
    stands in its place and whether it shows figures."""
    group.clientside(
        "kpis",
        Output(ids.content(panel), "data-kpis"),
        Output(ids.state(panel), "children"),
        Output(ids.drawn(panel), "data"),
        Input(ids.figures_data(panel), "data"),
        State(ids.content(panel), "id"),
    )


def _frame(panel: str) -> tuple[Output, ...]:
    return (
        Output(ids.state(panel), "children"),
        Output(ids.drawn(panel), "data"),
        Output(ids.subtitle(panel), "children"),
        Output(ids.footer(panel), "children"),
    )


def _frame_values(state: Children, shown: View) -> tuple[Any, ...]:
    return (shown.content, state, not state, shown.subtitle or [], shown.footer or [])
