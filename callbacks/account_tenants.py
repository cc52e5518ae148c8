"""The tenant switcher: where a person may go, and going there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output
from dash.exceptions import PreventUpdate

from cip.domain.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import Tenant, tenant_id
from cip.web.requests import renew_access
from layouts import ids

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_VIEW: Final = Permission.ANALYTICS_VIEW


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(Output(ids.TENANTS, "data"), Input(ids.TENANTS_ASKED, "data"), permission=_VIEW)
    def show_tenants(principal: Principal, asked: object) -> dict[str, Any]:
        """Before the menu is opened, only whether there is anything to choose."""
        if asked is None:
            return {"several": len(services.sessions.tenants(principal)) > 1}
        choices = choices_of(services, principal)
        return {"several": len(choices) > 1, "tenants": choices}

    @group.callback(
        Output(ids.TENANT_ENTERED, "data"),
        Input(ids.TENANT_CHOSEN, "data"),
        permission=_VIEW,
        prevent_initial_call=True,
    )
    def enter_tenant(principal: Principal, chosen: object) -> str:
        if chosen is None:
            raise PreventUpdate
        return entered(services, principal, chosen)

    group.clientside(
        "tenants",
        Output(ids.TENANT_SWITCH, "hidden"),
        Input(ids.TENANTS, "data"),
    )
    group.clientside(
        "tenant_entered",
        Output(ids.TENANT_SWITCH, "data-entered"),
        Input(ids.TENANT_ENTERED, "data"),
        prevent_initial_call=True,
    )


def choices_of(services: Services, principal: Principal) -> list[dict[str, Any]]:
    return [
        {
            "id": tenant.id,
            "name": tenant.name,
            "current": tenant.id == principal.tenant,
            "suspended": tenant.suspended,
        }
        for tenant in sorted(
            _tenants(services, principal), key=lambda one: (one.name.casefold(), one.id)
        )
    ]


def entered(services: Services, principal: Principal, chosen: object) -> str:
    """The tenant that the session is in now. `chosen`: `{"tenant": …}`; whether the principal may
    go there, the service decides."""
    given = chosen.get("tenant") if isinstance(chosen, dict) else None
    if not isinstance(given, str):
        raise InvalidInputError("There is no such organisation.", field="tenant")
    wanted = tenant_id(given)
    try:
        services.sessions.enter(principal, wanted)
    except UnauthenticatedError as error:
        # The person stays signed in where they are.
        raise ForbiddenError(error.message, code=error.code, field="tenant") from error
    renew_access()
    return wanted


def _tenants(services: Services, principal: Principal) -> list[Tenant]:
    resources = services.resources
    if principal.role is Role.SUPER_ADMIN:
        return resources.tenants.all()
    return [resources.tenant(name) for name in services.sessions.tenants(principal)]
