"""Administration, settings: what the form begins with, and saving it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State

from callbacks._areas import (
    Act,
    Answer,
    act_of,
    answer,
    card_outputs,
    card_values,
    opening,
    register_area,
)
from callbacks._form_lists import CURRENCIES, timezones
from cip.domain.errors import InvalidInputError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.tenants import Tenant
from cip.figures import format as fmt
from layouts import ids
from layouts.admin_settings import FIELDS, WEEK_STARTS
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_PANEL: Final = ids.ADMIN_SETTINGS
_MANAGE: Final = Permission.SETTINGS_MANAGE


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(_PANEL, Output(ids.form_data(_PANEL), "data")),
        *opening(_PANEL),
        Input(ids.answer(_PANEL), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_settings(
        principal: Principal, opened: object, drawn: object, _answer: object
    ) -> tuple[Any, ...]:
        return card_values(services, opened, drawn, lambda: settings_view(services, principal))

    @group.callback(
        Output(ids.answer(_PANEL), "data"),
        Input(ids.act(_PANEL), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def act_on_settings(principal: Principal, posted: object) -> Answer:
        return _save(services, principal, act_of(posted, {"save"}))

    register_area(group, _PANEL)
    group.clientside(
        "fill_form",
        Output(ids.form(_PANEL), "data-filled"),
        Input(ids.form_data(_PANEL), "data"),
        State(ids.form(_PANEL), "id"),
    )


def settings_view(services: Services, principal: Principal) -> View:
    tenant = services.tenancy.settings(principal)
    values = {name: _shown(name, tenant) for name in FIELDS}
    lists = {"timezone": timezones(), "currency": list(CURRENCIES)}
    made = fmt.day(tenant.created_at, tenant.zone)
    return View({"values": values, "lists": lists}, footer=f"Tenant id {tenant.id}, since {made}")


def _shown(name: str, tenant: Tenant) -> str:
    value = getattr(tenant, name)
    return "" if value is None else str(value)


def _save(services: Services, who: Principal, act: Act) -> Answer:
    """Names each setting that changed, and offers to put them back."""
    given = {name: _parsed(name, act.text(name)) for name in act.names()}
    before = services.tenancy.settings(who)
    after = services.tenancy.change_settings(who, **given)
    changed = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
    if not changed:
        return answer(act, "Nothing has changed.")
    old = {name: _shown(name, before) for name in changed}
    lines = [f"{FIELDS[name]}: {_words(name, before)} → {_words(name, after)}" for name in changed]
    return answer(
        act,
        "Saved.",
        more="; ".join(lines),
        undo={"action": "save", "target": "", "values": old},
    )


def _parsed(name: str, text: str) -> object:
    if name != "retention_days":
        return text.upper() if name == "currency" else text
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise InvalidInputError(
            "A whole number of days, or nothing for events of any age.", field=name
        )
    return int(text)


def _words(name: str, tenant: Tenant) -> str:
    shown = _shown(name, tenant)
    if name == "week_start":
        return WEEK_STARTS[shown]
    if name == "retention_days":
        return f"{shown} days" if shown else "any age"
    return shown
