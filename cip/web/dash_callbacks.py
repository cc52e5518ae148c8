"""Registration of callbacks: on the app (never the global decorator), each with a permission."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dash import ClientsideFunction, Dash

from cip.domain.permissions import Permission
from cip.web.requests import principal

F = TypeVar("F", bound=Callable[..., Any])
NAMESPACE = "cip"


class CallbackGroup:
    """Collects which permission each server callback needs; the guard looks it up by the key
    that the browser posts. The function gets the principal first, then its inputs."""

    def __init__(self, app: Dash) -> None:
        self._app = app
        self.permissions: dict[str, Permission] = {}
        self.away: dict[str, Callable[[], Mapping[str, Any]]] = {}

    def callback(
        self,
        *dependencies: Any,
        permission: Permission,
        prevent_initial_call: Any = False,
        when_away: Callable[[], Mapping[str, Any]] | None = None,
    ) -> Callable[[F], F]:
        """`when_away`: properties by component id that the callback answers while Redis is away
        and nobody's identity can be known; nothing of a tenant. Without it: no update."""

        def register(function: F) -> F:
            @functools.wraps(function)
            def run(*values: Any) -> Any:
                who = principal()
                who.require(permission)  # a second lock: the guard has looked it up already
                return function(who, *values)

            known = set(self._app.callback_map)
            self._app.callback(*dependencies, prevent_initial_call=prevent_initial_call)(run)
            (key,) = set(self._app.callback_map) - known
            self.permissions[key] = permission
            if when_away is not None:
                self.away[key] = when_away
            return function

        return register

    def clientside(
        self, function_name: str, *dependencies: Any, prevent_initial_call: Any = False
    ) -> None:
        """A function of `window.dash_clientside.cip`, from a file in assets."""
        self._app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction(NAMESPACE, function_name),
            *dependencies,
            prevent_initial_call=prevent_initial_call,
        )
