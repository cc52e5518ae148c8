"""Real-time analytics: filters → query → service → panel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from dash import Input, Output, State, html
from dash.exceptions import PreventUpdate

from callbacks._panels import (
    chart_outputs,
    chart_values,
    csv_download,
    drawn_state,
    list_outputs,
    list_values,
    register_table,
    require_ready,
    settle,
    shared,
    table_outputs,
    triggers,
    trouble,
)
from cip.domain.errors import UnavailableError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.queries import Bucket, KpisQuery, Metric, Period, Query, TimeseriesQuery
from cip.services.views import Made
from layouts import ids
from layouts.definitions import HOME_KPIS
from layouts.filters import HomeFilters, home_filters
from layouts.home_views import (
    channels_view,
    events_view,
    feed_view,
    kpi_cells,
    revenue_view,
    totals,
    whole_values,
)
from layouts.states import empty, skeleton_kpis
from layouts.view import Children, View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.services.outcomes import Outcome
    from cip.web.dash_callbacks import CallbackGroup

_VIEW: Final = Permission.ANALYTICS_VIEW
_FEED_LIMIT: Final = 50
# Longest window → buckets of the stacked chart; buckets of revenue and the sparklines.
_BUCKETS: Final[tuple[tuple[timedelta, Bucket, Bucket], ...]] = (
    (timedelta(hours=3), "minute", "five_minutes"),
    (timedelta(days=2), "five_minutes", "hour"),
    (timedelta(days=8), "hour", "day"),
    (timedelta(days=100), "day", "day"),
    (timedelta(days=750), "week", "week"),
)
_LINES: Final[tuple[Metric, ...]] = (
    "events",
    "active_customers",
    "new_customers",
    "revenue_minor",
)
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


def fine_bucket(filters: HomeFilters) -> Bucket:
    """Buckets of the stacked chart: some 50 to 290 of them, whatever the window."""
    return next((fine for most, fine, _ in _BUCKETS if filters.length <= most), "month")


def coarse_bucket(filters: HomeFilters) -> Bucket:
    """Buckets of bars and sparklines: some 7 to 100."""
    return next((coarse for most, _, coarse in _BUCKETS if filters.length <= most), "month")


def _register_kpis(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        Output(ids.content(ids.KPIS), "children"),
        Output(ids.drawn(ids.KPIS), "data"),
        *triggers(ids.HOME_FILTERS),
        drawn_state(ids.KPIS),
        permission=_VIEW,
    )
    def show_kpis(
        principal: Principal, search: object, version: object, _nudge: object, drawn: object
    ) -> tuple[Any, ...]:
        require_ready(search, version)
        filters = home_filters(search)
        name = (ids.KPIS, filters)
        return shared(services, principal, name, version, lambda: draw(principal, filters, drawn))

    def draw(principal: Principal, filters: HomeFilters, drawn: object) -> Made:
        ask = _Asker(services, principal, filters)
        outcome = services.insights.ask(principal, "kpis", ask.kpis())
        if outcome.state == "pending":
            return Made((skeleton_kpis(len(HOME_KPIS), pending=True), False), lasts=False)
        state, view = settle(
            outcome,
            drawn,
            lambda result: View(kpi_cells(result, ask.filters, ask.lines())),
            _NO_EVENTS,
            "rows",
        )
        strip = view.content or html.Div(state, className="kpis-error")
        return Made((strip, not state), lasts=outcome.state == "ready")


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
        ask = _Asker(services, principal, home_filters(search))
        outcome = services.insights.ask(principal, "timeseries", ask.events())
        return chart_values(
            outcome,
            drawn,
            lambda result: events_view(
                result, ask.filters, refreshing=outcome.state == "stale", split=split != "total"
            ),
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
        ask = _Asker(services, principal, home_filters(search))
        outcome = services.insights.ask(principal, "timeseries", ask.revenue())
        return chart_values(
            outcome,
            drawn,
            lambda result: revenue_view(result, ask.filters, refreshing=outcome.state == "stale"),
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
        ask = _Asker(services, principal, home_filters(search))
        outcome = services.insights.ask(principal, "timeseries", ask.channels())
        values = list_values(
            outcome,
            drawn,
            lambda result: channels_view(result, ask.filters, refreshing=outcome.state == "stale"),
            _NO_EVENTS,
        )
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
    asked: dict[str, tuple[str, str, Callable[[_Asker], Query]]] = {
        ids.KPIS: (ids.EXPORT_KPIS, "kpis", lambda ask: ask.kpis()),
        ids.EVENTS: (ids.csv(ids.EVENTS), "timeseries", lambda ask: ask.events()),
        ids.CHANNELS: (ids.csv(ids.CHANNELS), "timeseries", lambda ask: ask.channels()),
        ids.REVENUE: (ids.csv(ids.REVENUE), "timeseries", lambda ask: ask.revenue()),
    }
    for panel, (button, slug, query) in asked.items():
        _register_export(group, services, panel, button, slug, query)


def _register_export(
    group: CallbackGroup,
    services: Services,
    panel: str,
    button: str,
    slug: str,
    query: Callable[[_Asker], Query],
) -> None:
    @group.callback(
        Output(ids.download(panel), "data"),
        Input(button, "n_clicks"),
        State(ids.HOME_FILTERS, "data"),
        permission=Permission.ANALYTICS_EXPORT,
        prevent_initial_call=True,
    )
    def export(principal: Principal, clicks: object, search: object) -> Any:
        if not clicks:
            raise PreventUpdate
        ask = _Asker(services, principal, home_filters(search))
        made = services.exports.csv(principal, slug, query(ask))
        return csv_download(made.filename, made.content)


def _register_browser(group: CallbackGroup) -> None:
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


class _Asker:
    """The queries that one state of the filters means."""

    def __init__(self, services: Services, principal: Principal, filters: HomeFilters) -> None:
        self.filters = filters
        self._services = services
        self._principal = principal
        self._period = filters.window(self._zone())

    def kpis(self) -> KpisQuery:
        filters = self.filters
        return KpisQuery(period=self._period, compare=filters.against, channels=filters.channels)

    def events(self) -> TimeseriesQuery:
        return self._series("events", fine_bucket(self.filters), "type")

    def revenue(self) -> TimeseriesQuery:
        return self._series("revenue_minor", coarse_bucket(self.filters))

    def channels(self) -> TimeseriesQuery:
        # All channels, also those that are filtered out: the filter's choices come from them.
        query = self._series("events", coarse_bucket(self.filters), "channel")
        return query.model_copy(update={"channels": ()})

    def lines(self) -> dict[str, tuple[float, ...]]:
        """The sparklines; one whose series is still being computed is left out."""
        found: dict[str, tuple[float, ...]] = {}
        wanted: dict[str, TimeseriesQuery] = {
            metric: self._series(metric, coarse_bucket(self.filters)) for metric in _LINES
        }
        for metric, query in {**wanted, "active_now": self._last_hour()}.items():
            outcome = self._services.insights.ask(self._principal, "timeseries", query)
            if outcome.result is not None:
                found[metric] = whole_values(outcome.result.data)
        return found

    def _last_hour(self) -> TimeseriesQuery:
        """Who was active in each five minutes of the last hour, whatever the period is."""
        return TimeseriesQuery(
            metric="active_customers",
            bucket="five_minutes",
            period=Period(last="1h"),
            channels=self.filters.channels,
        )

    def _series(
        self, metric: Metric, bucket: Bucket, split_by: Literal["type", "channel"] | None = None
    ) -> TimeseriesQuery:
        return TimeseriesQuery(
            metric=metric,
            bucket=bucket,
            split_by=split_by,
            period=self._period,
            channels=self.filters.channels,
        )

    def _zone(self) -> ZoneInfo:
        """Only days of the calendar need the tenant's timezone; windows up to now do not."""
        if self.filters.start is None:
            return ZoneInfo("UTC")
        return ZoneInfo(self._services.pulse.status(self._principal).timezone)


def _channel_options(outcome: Outcome, filters: HomeFilters) -> list[dict[str, str]]:
    known = totals(outcome.result.data) if outcome.result else {}
    names = sorted(known, key=lambda name: (-known[name], name))
    missing = [name for name in filters.channels if name not in known]
    return [{"value": name, "label": name} for name in (*names, *missing)]
