"""Account: the profile and the password. Sessions and tenants have modules of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from callbacks import account_sessions, account_tenants
from callbacks._account import failed, posted_text
from cip.domain.errors import CipError, InvalidInputError, UnavailableError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.web.requests import origin, renew_access
from layouts import ids
from layouts.account_views import membership_table, said

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_VIEW: Final = Permission.ANALYTICS_VIEW
# Longer than any password that is taken: what is longer still never came from our form.
_LONGEST: Final = 1_000


def register(group: CallbackGroup, services: Services) -> None:
    _register_profile(group, services)
    _register_password(group, services)
    account_sessions.register(group, services)
    account_tenants.register(group, services)


def _register_profile(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        Output(ids.PROFILE_NAME, "value"),
        Output(ids.PROFILE_USERNAME, "children"),
        Output(ids.CREDENTIAL_USERNAME, "value"),
        Output(ids.table_data(ids.PROFILE), "data"),
        Output(ids.state(ids.PROFILE), "children"),
        Output(ids.drawn(ids.PROFILE), "data"),
        Input(ids.NUDGE, "data"),
        State(ids.drawn(ids.PROFILE), "data"),
        permission=_VIEW,
    )
    def show_profile(principal: Principal, _nudge: object, drawn: object) -> tuple[Any, ...]:
        if drawn:  # what is being typed stays
            raise PreventUpdate
        try:
            profile = services.own_account.profile(principal)
        except UnavailableError as error:
            return "", "", "", None, failed(services, error), False
        places = [(one.tenant, one.name, one.role) for one in profile.memberships]
        table = membership_table(places, principal.tenant, super_admin=profile.super_admin)
        return profile.name, profile.username, profile.username, table, [], True

    @group.callback(
        Output(ids.said(ids.PROFILE_NAME), "children"),
        Input(ids.PROFILE_FORM, "n_submit"),
        State(ids.PROFILE_NAME, "value"),
        permission=_VIEW,
        prevent_initial_call=True,
    )
    def rename(principal: Principal, submits: object, name: object) -> Any:
        if not submits:
            raise PreventUpdate
        wanted = posted_text(name, "name", longest=_LONGEST).strip()
        try:
            services.own_account.rename(principal, wanted)
        except CipError as error:
            return said(error.message)
        return said("Saved.", good=True)

    group.clientside(
        "table",
        Output(ids.table(ids.PROFILE), "data-rows"),
        Input(ids.table_data(ids.PROFILE), "data"),
        State(ids.table(ids.PROFILE), "id"),
    )


def _register_password(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *(Output(ids.said(name), "children") for name in _SAID),
        *(Output(name, "value") for name in _SECRETS),
        Output(ids.CREDENTIAL_CHANGED, "data"),
        Input(ids.CREDENTIAL_FORM, "n_submit"),
        *(State(name, "value") for name in _SECRETS),
        permission=_VIEW,
        prevent_initial_call=True,
    )
    def change_password(
        principal: Principal, submits: object, old: object, new: object, again: object
    ) -> tuple[Any, ...]:
        if not submits:
            raise PreventUpdate
        return changed_password(services, principal, submits, old, new, again)

    group.clientside(
        "password_answered",
        Output("password-save", "data-answered"),
        Input(ids.said(ids.CREDENTIAL), "children"),
    )


_SECRETS: Final = (ids.CREDENTIAL_OLD, ids.CREDENTIAL_NEW, ids.CREDENTIAL_AGAIN)
_SAID: Final = (*_SECRETS, ids.CREDENTIAL)


def changed_password(
    services: Services,
    principal: Principal,
    submits: object,
    old: object,
    new: object,
    again: object,
) -> tuple[Any, ...]:
    """What stands beside each field and below the form, the fields emptied, and that it changed."""
    given = [
        posted_text(value, field, longest=_LONGEST)
        for value, field in ((old, "old"), (new, "new"), (again, "again"))
    ]
    try:
        if given[1] != given[2]:
            raise InvalidInputError("This is not the same as above.", field="again")
        services.own_account.change_password(
            principal, given[0], given[1], address=origin().address
        )
    except CipError as error:
        return (*_beside(error), no_update, no_update, no_update, no_update)
    renew_access()  # the token that this page has is outdated by the change
    done = said("Changed. Every other browser of yours is signed out.", good=True)
    return ([], [], [], done, "", "", "", submits)


def _beside(error: CipError) -> list[Any]:
    """The message at the field that it is about, else below the form."""
    at = {"old": 0, "new": 1, "password": 1, "again": 2}.get(error.field or "", 3)
    return [said(error.message) if place == at else [] for place in range(4)]
