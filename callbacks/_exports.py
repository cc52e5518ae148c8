"""Files that a click asks for: the same rows as the API's CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dash import Input, Output, State
from dash.exceptions import PreventUpdate

from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.queries import Query
from layouts import ids

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup


def register_export(
    group: CallbackGroup,
    services: Services,
    panel: str,
    slug: str,
    query: Callable[[Principal, object], Query],
    *,
    filters: str,
    button: str | None = None,
) -> None:
    """`query`: what the posted `filters` ask. `button`: the one of the panel's menu, or another."""

    @group.callback(
        Output(ids.download(panel), "data"),
        Input(button or ids.csv(panel), "n_clicks"),
        State(filters, "data"),
        permission=Permission.ANALYTICS_EXPORT,
        prevent_initial_call=True,
    )
    def export(principal: Principal, clicks: object, search: object) -> dict[str, Any]:
        if not clicks:
            raise PreventUpdate
        made = services.exports.csv(principal, slug, query(principal, search))
        return {
            "filename": made.filename,
            "content": made.content,
            "type": "text/csv",
            "base64": False,
        }
