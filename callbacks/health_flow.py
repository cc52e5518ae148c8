"""System health, event flow: how much waits, how old it is, and who stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, ctx
from dash.exceptions import PreventUpdate

from callbacks._areas import card_outputs, card_values, opening, register_rows
from callbacks._panels import zone_of
from callbacks.health_rows import groups_table
from cip.domain.errors import UnavailableError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from layouts import ids
from layouts.health_views import flow_figures
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_MANAGE: Final = Permission.DEAD_LETTERS_MANAGE
TICKING: Final = (Input(ids.TICK, "n_intervals"), Input(ids.REFRESH, "n_clicks"))


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(ids.EVENT_FLOW, Output(ids.content(ids.EVENT_FLOW), "children")),
        *opening(ids.EVENT_FLOW),
        *TICKING,
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_flow(
        principal: Principal, opened: object, drawn: object, _tick: object, _click: object
    ) -> tuple[Any, ...]:
        def view() -> View:
            return View(flow_figures(services.event_flow.of(principal)))

        return ticked(lambda: card_values(services, opened, drawn, view))

    @group.callback(
        *card_outputs(ids.EVENT_GROUPS),
        *opening(ids.EVENT_GROUPS),
        *TICKING,
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_groups(
        principal: Principal, opened: object, drawn: object, _tick: object, _click: object
    ) -> tuple[Any, ...]:
        return ticked(
            lambda: card_values(services, opened, drawn, lambda: groups_view(services, principal))
        )

    register_rows(group, ids.EVENT_GROUPS)


def groups_view(services: Services, principal: Principal) -> View:
    flow = services.event_flow.of(principal)
    now = services.resources.clock().timestamp()
    return View(groups_table(flow, zone_of(services, principal), now))


def ticked(values: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    """What nobody asked for is not refused while Redis is away: what is drawn stays."""
    try:
        return values()
    except UnavailableError:
        if ctx.triggered_id == ids.TICK:
            raise PreventUpdate from None
        raise
