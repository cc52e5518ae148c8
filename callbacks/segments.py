"""Segments: filters → query → service → panel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State, html

from callbacks._exports import register_export
from callbacks._panels import (
    chart_outputs,
    chart_values,
    drawn_state,
    list_values,
    register_strip,
    register_table,
    require_ready,
    strip_output,
    strip_value,
    table_outputs,
    triggers,
    zone_of,
)
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.queries import RfmQuery
from cip.domain.results import Result, Rfm
from layouts import ids
from layouts.filters import segment_filters
from layouts.segment_cards import cards
from layouts.segment_views import grid_view, kpi_cells, table_view
from layouts.states import skeleton
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.services.outcomes import Outcome
    from cip.web.dash_callbacks import CallbackGroup

_VIEW: Final = Permission.ANALYTICS_VIEW
_NO_PURCHASES: Final = (
    "No purchases yet",
    "Segments come from purchases. They appear after the first purchase.completed event.",
)
_CARDS: Final = 6


def register(group: CallbackGroup, services: Services) -> None:
    _register_figures(group, services)
    _register_panels(group, services)
    _register_export(group, services)
    _register_browser(group)


def _register_figures(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        strip_output(ids.RFM_KPIS),
        Output(ids.content(ids.RFM_CARDS), "children"),
        *triggers(ids.SEGMENT_FILTERS),
        drawn_state(ids.RFM_KPIS),
        permission=_VIEW,
    )
    def show_figures(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        outcome = _ask(services, principal, search)
        shown: list[Any] = []

        def view(result: Result[Rfm], *, refreshing: bool) -> View:  # noqa: ARG001 - a drawing
            shown.extend(cards(result.data.segments, result.envelope.currency))
            return View(kpi_cells(result))

        value = strip_value(outcome, drawn, view, _NO_PURCHASES)
        if outcome.state == "pending":
            shown = [html.Div(skeleton("rows"), className="segment") for _ in range(_CARDS)]
        return value, shown


def _register_panels(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *chart_outputs(ids.RFM_GRID),
        *triggers(ids.SEGMENT_FILTERS),
        drawn_state(ids.RFM_GRID),
        permission=_VIEW,
    )
    def show_grid(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        return chart_values(_ask(services, principal, search), drawn, grid_view, _NO_PURCHASES)

    @group.callback(
        *table_outputs(ids.RFM_TABLE),
        *triggers(ids.SEGMENT_FILTERS),
        drawn_state(ids.RFM_TABLE),
        permission=_VIEW,
    )
    def show_table(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        return list_values(_ask(services, principal, search), drawn, table_view, _NO_PURCHASES)


def _register_export(group: CallbackGroup, services: Services) -> None:
    query = partial(rfm_query, services)
    for panel in (ids.RFM_GRID, ids.RFM_TABLE):
        register_export(group, services, panel, "rfm", query, filters=ids.SEGMENT_FILTERS)


def _register_browser(group: CallbackGroup) -> None:
    register_strip(group, ids.RFM_KPIS)
    for panel in (ids.RFM_GRID, ids.RFM_TABLE):
        register_table(group, panel)
    group.clientside(
        "draw",
        Output(ids.graph(ids.RFM_GRID), "figure"),
        Input(ids.figure(ids.RFM_GRID), "data"),
        Input(ids.THEME, "data"),
        State(ids.graph(ids.RFM_GRID), "id"),
    )
    group.clientside(
        "segment_filters",
        Output(ids.SEGMENT_FILTERS, "data"),
        Output(ids.chip_value(ids.METHOD), "children"),
        Output(ids.chip_value(ids.AS_OF), "children"),
        Output(ids.chip(ids.AS_OF), "className"),
        Input(ids.METHOD, "value"),
        Input(ids.AS_OF, "value"),
    )


def rfm_query(services: Services, principal: Principal, search: object) -> RfmQuery:
    filters = segment_filters(search)
    if filters.as_of is None:
        return RfmQuery(method=filters.method)
    as_of = filters.instant(zone_of(services, principal))
    return RfmQuery(method=filters.method, as_of=as_of)


def _ask(services: Services, principal: Principal, search: object) -> Outcome:
    return services.insights.ask(principal, "rfm", rfm_query(services, principal, search))
