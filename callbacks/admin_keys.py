"""Administration, API keys: the list, making one, revoking one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output

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
)
from callbacks._panels import zone_of
from callbacks.admin_rows import keys_table
from cip.domain.errors import InvalidInputError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from layouts import ids
from layouts.admin import SCOPES
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_AREA: Final = ids.ADMIN_KEYS
_MANAGE: Final = Permission.KEYS_MANAGE
_NOTHING: Final = (
    "No keys yet",
    "A program needs one to send events or to read figures. Make it in the form beside.",
)


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(_AREA),
        *opening(_AREA),
        Input(ids.answer(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_keys(
        principal: Principal, opened: object, drawn: object, _answer: object
    ) -> tuple[Any, ...]:
        return card_values(
            services, opened, drawn, lambda: keys_view(services, principal), _NOTHING
        )

    @group.callback(
        Output(ids.answer(_AREA), "data"),
        Input(ids.act(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def act_on_keys(principal: Principal, posted: object) -> Answer:
        act = act_of(posted, _ACTS)
        return _ACTS[act.action](services, principal, act)

    register_rows(group, _AREA)
    register_area(group, _AREA)


def keys_view(services: Services, principal: Principal) -> View:
    keys = services.keys.all(principal)
    valid = sum(not key.revoked for key in keys)
    revoked = len(keys) - valid
    subtitle = f"{valid} in use" + (f", {revoked} revoked" if revoked else "")
    zone = zone_of(services, principal)
    return View(keys_table(keys, zone) if keys else None, subtitle=subtitle)


def _create(services: Services, who: Principal, act: Act) -> Answer:
    scopes = frozenset(_scope(text) for text in act.texts("scopes"))
    key, shown_once = services.keys.create(who, act.text("label"), scopes)
    secret = {
        "title": f"Key {key.label}",
        "value": shown_once,
        "note": "Shown once: copy it now into the program's secrets. It is not kept here.",
    }
    return answer(act, f"The key {key.label} is made.", secret=secret, reset=True)


def _revoke(services: Services, who: Principal, act: Act) -> Answer:
    services.keys.revoke(who, act.target)
    return answer(act, "The key is revoked.")


def _scope(text: str) -> Permission:
    if text not in SCOPES:
        raise InvalidInputError("There is no such scope.", field="scopes")
    return Permission(text)


_ACTS: Final = {"create": _create, "revoke": _revoke}
