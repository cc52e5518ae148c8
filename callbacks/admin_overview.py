"""Administration, overview: how much of the tenant is used, and what its limits are."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from dash import Input, Output, no_update

from callbacks._areas import card_outputs, card_values, opening
from callbacks._panels import zone_of
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from layouts import ids
from layouts.admin_views import activity, key_figures, limits
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.services.tenancy import Overview
    from cip.web.dash_callbacks import CallbackGroup

_MANAGE: Final = Permission.SETTINGS_MANAGE
_DAYS: Final = 7
_QUIET: Final = (
    "No events in 7 days",
    "They appear here as soon as a program sends them, which takes an API key.",
)


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(ids.ADMIN_FIGURES, Output(ids.content(ids.ADMIN_FIGURES), "children")),
        Output(ids.content(ids.ADMIN_LIMITS), "children"),
        *opening(ids.ADMIN_FIGURES),
        Input(ids.NUDGE, "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_figures(
        principal: Principal, opened: object, drawn: object, _nudge: object
    ) -> tuple[Any, ...]:
        shown: list[Any] = [no_update]

        def view() -> View:
            overview = services.tenancy.overview(principal)
            shown[0] = limits(services.tenancy.settings(principal), overview.events_in_stream)
            return _figures(overview)

        return (*card_values(services, opened, drawn, view), shown[0])

    @group.callback(
        *card_outputs(ids.ADMIN_ACTIVITY, Output(ids.content(ids.ADMIN_ACTIVITY), "children")),
        *opening(ids.ADMIN_ACTIVITY),
        Input(ids.NUDGE, "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_activity(
        principal: Principal, opened: object, drawn: object, _nudge: object
    ) -> tuple[Any, ...]:
        def view() -> View:
            zone = zone_of(services, principal)
            return activity_view(services.tenancy.overview(principal), zone)

        return card_values(services, opened, drawn, view, _QUIET)


def _figures(overview: Overview) -> View:
    days = _week(overview)
    events = None if days is None else sum(events for _, events in days)
    newest = overview.newest_event_at
    return View(key_figures(overview.people, overview.keys, events, newest))


def _week(overview: Overview) -> list[tuple[datetime, int]] | None:
    """Today and the six days before it, None while they are being computed."""
    if overview.per_day is None:
        return None
    return [(day.start, day.events) for day in overview.per_day[-_DAYS:]]


def activity_view(overview: Overview, zone: ZoneInfo) -> View:
    days = _week(overview)
    if days is not None and not any(events for _, events in days):
        return View()
    return View(activity(days, zone))
