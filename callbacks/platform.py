"""The platform: its tenants, how they compare, and its own audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State, html, no_update

from callbacks._areas import (
    Act,
    Answer,
    act_of,
    answer,
    card_outputs,
    card_values,
    opening,
    register_area,
    register_rows,
    undoing,
)
from callbacks._audit_log import register_audit_log, zone_of
from callbacks._form_lists import CURRENCIES, timezones
from callbacks.platform_rows import comparison_table, tenants_table, waiting
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from layouts import ids
from layouts.attributes import attrs
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_AREA: Final = ids.PLATFORM_TENANTS
_FORM: Final = ids.PLATFORM_NEW_TENANT
_MANAGE: Final = Permission.TENANTS_MANAGE


def register(group: CallbackGroup, services: Services) -> None:
    _register_tenants(group, services)
    _register_comparison(group, services)
    register_audit_log(
        group, services, ids.PLATFORM_AUDIT, permission=_MANAGE, log_of=lambda _who: None
    )


def _register_tenants(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(_AREA),
        Output(ids.form_data(_FORM), "data"),
        *opening(_AREA),
        Input(ids.answer(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_tenants(
        principal: Principal, opened: object, drawn: object, _answer: object
    ) -> tuple[Any, ...]:
        shown = card_values(services, opened, drawn, lambda: tenants_view(services, principal))
        lists = {"timezone": timezones(), "currency": list(CURRENCIES)}
        # Once: what somebody is typing into the form stays.
        return (*shown, no_update if drawn else {"values": {}, "lists": lists})

    @group.callback(
        Output(ids.answer(_AREA), "data"),
        Input(ids.act(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def act_on_tenants(principal: Principal, posted: object) -> Answer:
        act = act_of(posted, _ACTS)
        return _ACTS[act.action](services, principal, act)

    register_rows(group, _AREA)
    register_area(group, _AREA)
    group.clientside(
        "fill_form",
        Output(ids.form(_FORM), "data-filled"),
        Input(ids.form_data(_FORM), "data"),
        State(ids.form(_FORM), "id"),
    )


def _register_comparison(group: CallbackGroup, services: Services) -> None:
    panel = ids.PLATFORM_COMPARISON

    @group.callback(
        *card_outputs(panel),
        *opening(panel),
        Input(ids.NUDGE, "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_comparison(
        principal: Principal, opened: object, drawn: object, _nudge: object
    ) -> tuple[Any, ...]:
        return card_values(services, opened, drawn, lambda: comparison_view(services, principal))

    register_rows(group, panel)


def tenants_view(services: Services, principal: Principal) -> View:
    tenants = services.tenancy.tenants(principal)
    suspended = sum(tenant.suspended for tenant in tenants)
    many = "1 tenant" if len(tenants) == 1 else f"{len(tenants)} tenants"
    subtitle = many + (f", {suspended} suspended" if suspended else "")
    zone = zone_of(services, principal)
    return View(tenants_table(tenants, here=principal.tenant, zone=zone), subtitle=subtitle)


def comparison_view(services: Services, principal: Principal) -> View:
    figures = services.tenancy.comparison(principal)
    missing = waiting(figures)
    subtitle = "Last 30 days, money in each tenant's own currency. Errors: rejected events held."
    if not missing:
        return View(comparison_table(figures), subtitle=subtitle)
    # The mark makes the browser look again soon.
    mark = html.Span(className="sr-only", **attrs({"data-pending": "1"}))
    many = "1 tenant" if missing == 1 else f"{missing} tenants"
    return View(
        comparison_table(figures),
        subtitle=subtitle,
        footer=[f"Figures of {many} are still being computed. ", mark],
    )


def _create(services: Services, who: Principal, act: Act) -> Answer:
    made = services.tenancy.create(
        who,
        act.text("tenant"),
        act.text("name") or None,
        currency=act.text("currency").upper() or "EUR",
        timezone=act.text("timezone") or "UTC",
    )
    more = "Enter it through the organisation's name in the header, then invite its administrator."
    return answer(act, f"The tenant {made.id} is added.", more=more, reset=True)


def _suspend(services: Services, who: Principal, act: Act) -> Answer:
    services.tenancy.suspend(who, act.target)
    more = "Its people and programs are refused. Nothing of its data is touched."
    undo = undoing("resume", act.target)
    return answer(act, f"{act.target} is suspended.", more=more, undo=undo)


def _resume(services: Services, who: Principal, act: Act) -> Answer:
    services.tenancy.resume(who, act.target)
    undo = undoing("suspend", act.target)
    return answer(act, f"{act.target} is active again.", undo=undo)


def _delete(services: Services, who: Principal, act: Act) -> Answer:
    services.tenancy.delete(who, act.target, act.text("confirm"))
    return answer(act, f"{act.target} is deleted.")


_ACTS: Final = {"create": _create, "suspend": _suspend, "resume": _resume, "delete": _delete}
