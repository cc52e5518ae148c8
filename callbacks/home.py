"""Real-time analytics: filters → query → service → panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State
from dash.exceptions import PreventUpdate

from callbacks._exports import register_export
from callbacks._home_queries import Asker
from callbacks._panels import (
    chart_outputs,
    chart_values,
    drawn_state,
    list_outputs,
    list_values,
    register_strip,
    register_table,
    require_ready,
    shared,
    strip_output,
    strip_value,
    table_outputs,
    triggers,
    trouble,
)
from cip.domain.errors import UnavailableError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.queries import Query
from cip.services.views import Made
from layouts import ids
from layouts.filters import HomeFilters
from layouts.home_views import (
    channels_view,
    events_view,
    feed_view,
    kpi_cells,
    revenue_view,
    totals,
)
from layouts.states import empty
from layouts.view import Children, View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.services.outcomes import Outcome
    from cip.web.dash_callbacks import CallbackGroup

_VIEW: Final = Permission.ANALYTICS_VIEW
_FEED_LIMIT: Final = 50
_NO_EVENTS: Final = (
    "No events in this period",
    "Figures appear with the first event. A longer period may hold some.",
)
_NO_REVENUE: Final = (
    "No purchases yet",
    "Bars appear with the first purchase.completed event. None has arrived in this period.",
)
_NO_FEED: Final = ("No such events", "None of the newest events fits the filter.")


def register(group: CallbackGroup, services: Services) -> None:
    _register_kpis(group, services)
    _register_charts(group, services)
    _register_channels(group, services)
    _register_feed(group, services)
    _register_exports(group, services)
    _register_browser(group)


def _register_kpis(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        strip_output(ids.KPIS),
        *triggers(ids.HOME_FILTERS),
        drawn_state(ids.KPIS),
        permission=_VIEW,
    )
    def show_kpis(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> Any:
        require_ready(search, version)
        ask = Asker(services, principal, search)
        name = (ids.KPIS, ask.filters)
        return shared(services, principal, name, version, lambda: draw(ask, drawn))

    def draw(ask: Asker, drawn: object) -> Made:
        outcome, lines = ask.strip()
        value = strip_value(
            outcome,
            drawn,
            lambda result, **_: View(kpi_cells(result, ask.filters, lines)),
            _NO_EVENTS,
        )
        return Made(value, lasts=outcome.state == "ready")


def _register_charts(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *chart_outputs(ids.EVENTS),
        *triggers(ids.HOME_FILTERS),
        Input(ids.SPLIT, "value"),
        drawn_state(ids.EVENTS),
        permission=_VIEW,
    )
    def show_events(
        principal: Principal,
        search: object,
        version: object,
        _nudge: object,
        split: object,
        drawn: object,
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        ask = Asker(services, principal, search)
        return chart_values(
            services.insights.ask(principal, "timeseries", ask.events()),
            drawn,
            partial(events_view, filters=ask.filters, split=split != "total"),
            _NO_EVENTS,
        )

    @group.callback(
        *chart_outputs(ids.REVENUE),
        *triggers(ids.HOME_FILTERS),
        drawn_state(ids.REVENUE),
        permission=_VIEW,
    )
    def show_revenue(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        ask = Asker(services, principal, search)
        return chart_values(
            services.insights.ask(principal, "timeseries", ask.revenue()),
            drawn,
            partial(revenue_view, filters=ask.filters),
            _NO_REVENUE,
        )


def _register_channels(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *list_outputs(ids.CHANNELS),
        Output(ids.CHANNEL, "options"),
        *triggers(ids.HOME_FILTERS),
        drawn_state(ids.CHANNELS),
        permission=_VIEW,
    )
    def show_channels(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        ask = Asker(services, principal, search)
        outcome = services.insights.ask(principal, "timeseries", ask.channels())
        view = partial(channels_view, filters=ask.filters)
        values = list_values(outcome, drawn, view, _NO_EVENTS)
        return (*values, _channel_options(outcome, ask.filters))


def _register_feed(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *table_outputs(ids.FEED),
        Input(ids.VERSION, "data"),
        Input(ids.NUDGE, "data"),
        Input(ids.FEED_FILTER, "value"),
        Input(ids.FEED_PAUSED, "data"),
        drawn_state(ids.FEED),
        permission=_VIEW,
    )
    def show_feed(
        principal: Principal,
        version: object,
        _nudge: object,
        wanted: object,
        paused: object,
        drawn: object,
    ) -> tuple[Any, ...]:
        if version is None or paused:
            raise PreventUpdate
        try:
            events = services.feed.newest(principal, limit=_FEED_LIMIT)
            currency = services.pulse.status(principal).currency
        except UnavailableError:
            if drawn:
                raise PreventUpdate from None
            return None, trouble(None, away=True), False, [], []
        view = feed_view(events, wanted if isinstance(wanted, str) else "", currency)
        state: Children = [] if view.content else empty(*(_NO_FEED if events else _NO_EVENTS))
        return view.content, state, not state, view.subtitle or [], view.footer or []


def _register_exports(group: CallbackGroup, services: Services) -> None:
    asked: dict[str, tuple[str, Callable[[Asker], Query]]] = {
        ids.KPIS: ("kpis", Asker.kpis),
        ids.EVENTS: ("timeseries", Asker.events),
        ids.CHANNELS: ("timeseries", Asker.channels),
        ids.REVENUE: ("timeseries", Asker.revenue),
    }
    for panel, (slug, of) in asked.items():

        def query(principal: Principal, search: object, of: Callable[[Asker], Query] = of) -> Query:
            return of(Asker(services, principal, search))

        button = ids.EXPORT_KPIS if panel == ids.KPIS else None
        register_export(
            group, services, panel, slug, query, filters=ids.HOME_FILTERS, button=button
        )


def _register_browser(group: CallbackGroup) -> None:
    register_strip(group, ids.KPIS)
    for panel in (ids.EVENTS, ids.REVENUE, ids.FEED):
        register_table(group, panel)
    for panel in (ids.EVENTS, ids.REVENUE):
        group.clientside(
            "draw",
            Output(ids.graph(panel), "figure"),
            Input(ids.figure(panel), "data"),
            Input(ids.THEME, "data"),
            State(ids.graph(panel), "id"),
        )
    group.clientside(
        "home_filters",
        Output(ids.HOME_FILTERS, "data"),
        *(
            Output(name(control), part)
            for control in (ids.PERIOD, ids.AGAINST, ids.CHANNEL)
            for name, part in ((ids.chip_value, "children"), (ids.chip, "className"))
        ),
        Input(ids.PERIOD, "value"),
        Input(ids.PERIOD_START, "value"),
        Input(ids.PERIOD_END, "value"),
        Input(ids.AGAINST, "value"),
        Input(ids.CHANNEL, "value"),
    )
    group.clientside(
        "pause",
        Output(ids.FEED_PAUSED, "data"),
        Output(ids.FEED_PAUSE, "children"),
        Input(ids.FEED_PAUSE, "n_clicks"),
    )


def _channel_options(outcome: Outcome, filters: HomeFilters) -> list[dict[str, str]]:
    known = totals(outcome.result.data) if outcome.result else {}
    names = sorted(known, key=lambda name: (-known[name], name))
    missing = [name for name in filters.channels if name not in known]
    return [{"value": name, "label": name} for name in (*names, *missing)]
