"""Where a person is signed in: the list, and signing out one or all others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State
from dash.exceptions import PreventUpdate

from callbacks._account import failed
from cip.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from layouts import ids
from layouts.account_agents import words
from layouts.account_views import HANDLE_CHARACTERS, handle, said, session_rows

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_VIEW: Final = Permission.ANALYTICS_VIEW
_HANDLE: Final = re.compile("[0-9a-f]" * HANDLE_CHARACTERS)
OTHERS: Final = "others"


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        Output(ids.table_data(ids.SESSIONS), "data"),
        Output(ids.state(ids.SESSIONS), "children"),
        Output(ids.drawn(ids.SESSIONS), "data"),
        Input(ids.NUDGE, "data"),
        Input(ids.REFRESH, "n_clicks"),
        Input(ids.CREDENTIAL_CHANGED, "data"),
        Input(ids.SESSIONS_ENDED, "data"),
        State(ids.drawn(ids.SESSIONS), "data"),
        permission=_VIEW,
    )
    def show_sessions(
        principal: Principal,
        _nudge: object,
        _clicks: object,
        _changed: object,
        _ended: object,
        drawn: object,
    ) -> tuple[Any, ...]:
        return listed(services, principal, drawn=bool(drawn))

    @group.callback(
        Output(ids.SESSIONS_ENDED, "data"),
        Output(ids.said(ids.SESSIONS), "children"),
        Input(ids.SESSION_ENDING, "data"),
        permission=_VIEW,
        prevent_initial_call=True,
    )
    def end_session(principal: Principal, wanted: object) -> tuple[Any, Any]:
        """`wanted`: `{"handle": …}`, or `{"handle": "others"}`."""
        if wanted is None:
            raise PreventUpdate
        return wanted, said(ended(services, principal, _posted_handle(wanted)), good=True)

    group.clientside(
        "sessions",
        Output(ids.table(ids.SESSIONS), "data-rows"),
        Output(ids.SESSIONS_OTHERS, "children"),
        Output("sessions-all", "className"),
        Input(ids.table_data(ids.SESSIONS), "data"),
        State(ids.table(ids.SESSIONS), "id"),
    )
    group.clientside(
        "preferred_refresh",
        Output(ids.PREFERRED_REFRESH, "data-value"),
        Input(ids.REFRESH_EVERY, "value"),
    )


def listed(services: Services, principal: Principal, *, drawn: bool) -> tuple[Any, ...]:
    try:
        zone = services.resources.tenant(principal.tenant).zone
        sessions = [one.session for one in services.own_account.sessions(principal)]
    except UnavailableError as error:
        if drawn:
            raise PreventUpdate from None
        return None, failed(services, error), False
    return session_rows(sessions, principal.session, zone), [], True


def ended(services: Services, principal: Principal, wanted: str) -> str:
    """What was done, in words. Raises `NotFoundError` for whatever is no session of one's own."""
    account = services.own_account
    if wanted == OTHERS:
        count = account.end_other_sessions(principal)
        return f"Signed out {count} other {'browser' if count == 1 else 'browsers'}."
    own = [one.session for one in account.sessions(principal)]
    found = [session for session in own if handle(session.id) == wanted]
    if len(found) != 1:
        raise NotFoundError("You are not signed in there any more.", field="session")
    account.end_session(principal, found[0].id)
    return f"Signed out {words(found[0].agent)}."


def _posted_handle(posted: object) -> str:
    given = posted.get("handle") if isinstance(posted, dict) else None
    if isinstance(given, str) and (given == OTHERS or _HANDLE.fullmatch(given)):
        return given
    raise InvalidInputError("There is no such session.", field="session")
