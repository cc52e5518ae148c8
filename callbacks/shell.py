"""The frame: which page is open, the tick, and what the header says."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from dash import Input, Output, State
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from cip.domain.errors import UnavailableError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.figures import format as fmt
from layouts import ids, page_at
from layouts.page import message_page

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

UNREACHABLE: Final = "unreachable"


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        Output(ids.CONTENT, "children"),
        Input(ids.URL, "pathname"),
        State(ids.URL, "search"),
        permission=Permission.ANALYTICS_VIEW,
    )
    def open_page(principal: Principal, pathname: object, search: object) -> list[Component]:
        page = page_at(pathname)
        if page is None:
            lead = "This address leads to no page. The links at the left do."
            return message_page("Page not found", lead)
        if page.permission not in principal.permissions:
            lead = "Your role does not include this page. Your administrator can change that."
            return message_page("Not allowed", lead)
        return page.render(search if isinstance(search, str) else None)

    @group.callback(
        Output(ids.PULSE, "data"),
        Input(ids.TICK, "n_intervals"),
        Input(ids.REFRESH, "n_clicks"),
        State(ids.PULSE, "data"),
        permission=Permission.ANALYTICS_VIEW,
        when_away=lambda: {ids.PULSE: {"data": _away(services)}},
    )
    def tick(
        principal: Principal, _ticks: object, _clicks: object, pulse: object
    ) -> dict[str, Any]:
        return beat(services, principal, pulse)

    _register_browser(group)


def beat(services: Services, principal: Principal, pulse: object) -> dict[str, Any]:
    """The version, which the panels follow, and what the header shows; no update while nothing
    changed. `pulse`: what the page was told last."""
    last = pulse if isinstance(pulse, dict) else {}
    away = last.get("state") == UNREACHABLE
    try:
        version = services.pulse.version(principal)
        if version == last.get("version") and not away:
            raise PreventUpdate
        return _pulse(services, principal, version)
    except UnavailableError:
        if away:
            raise PreventUpdate from None
        return _away(services)


def _away(services: Services) -> dict[str, Any]:
    """All that is known then. The browser adds what it was told before (assets/shell.js)."""
    return {"state": UNREACHABLE, "since": services.resources.clock().timestamp()}


def _pulse(services: Services, principal: Principal, version: str) -> dict[str, Any]:
    status = services.pulse.status(principal)
    newest = status.newest_event_at
    now = services.resources.clock()
    return {
        "version": version,
        "state": "demo" if status.source == "demo" else "live",
        "tenant": status.tenant_name,
        "demo_tenant": status.demo_tenant,
        "who": principal.subject,
        "role": principal.role.value.replace("_", " "),
        "may_export": Permission.ANALYTICS_EXPORT in principal.permissions,
        # What the page offers. What is allowed, the guard decides on each request.
        "may": sorted(permission.value for permission in principal.permissions),
        # Events may be dated ahead; what has not happened yet is no sign of life.
        "newest": min(newest, now).timestamp() if newest else None,
        "as_of": _as_of(status.as_of.replace(second=0, microsecond=0), status.timezone),
        "ended": (now - status.as_of).total_seconds() > 86_400,
        "now": now.timestamp(),
    }


@lru_cache(maxsize=256)
def _as_of(minute: datetime, timezone: str) -> str:
    return fmt.day_and_time(minute, ZoneInfo(timezone))


def _register_browser(group: CallbackGroup) -> None:
    group.clientside(
        "version",
        Output(ids.VERSION, "data"),
        Input(ids.PULSE, "data"),
        State(ids.VERSION, "data"),
    )
    group.clientside(
        "show_pulse",
        Output(ids.TENANT, "children"),
        Output(ids.ACCOUNT, "children"),
        Output(ids.BANNER, "children"),
        Input(ids.PULSE, "data"),
    )
    # Its output stands in the page's head, so it runs again for each page that opens.
    group.clientside("freshness", Output(ids.FRESHNESS, "children"), Input(ids.PULSE, "data"))
    group.clientside(
        "refresh_every",
        Output(ids.TICK, "interval"),
        Output(ids.TICK, "disabled"),
        Output(ids.REFRESH_LABEL, "children"),
        Input(ids.REFRESH_EVERY, "value"),
    )
