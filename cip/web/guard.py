"""The request guard: default deny. Whatever is neither public nor declared is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from http.client import NO_CONTENT
from typing import Any, Final
from urllib.parse import urlsplit

import flask
from flask.typing import ResponseReturnValue

from cip.domain.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.web.callback_bodies import Shape, check_body, shape
from cip.web.identity import Identity
from cip.web.requests import UPDATE, set_principal

PUBLIC_PATHS: Final = frozenset(
    {
        "/login",
        "/healthz",
        "/readyz",
        "/_favicon.ico",
        "/api/v1/auth/token",
    }
)
PUBLIC_PREFIXES: Final = ("/assets/", "/_dash-component-suites/", "/bootstrap/static/")
# Dash's own plumbing, and leaving: for whoever is signed in.
SIGNED_IN_PATHS: Final = frozenset({"/_dash-layout", "/_dash-dependencies", "/logout"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """`pages`: paths that show the application; `callbacks`: key → permission; `api`: endpoint →
    permission; `away`: key → what that callback answers while nobody's identity can be known.
    `callback_map` is Dash's own."""

    def __init__(
        self,
        identity: Identity,
        *,
        pages: Collection[str],
        callbacks: Mapping[str, Permission],
        api: Mapping[str, Permission],
        away: Mapping[str, Callable[[], Mapping[str, Any]]],
        callback_map: Mapping[str, Any],
    ) -> None:
        self._identity = identity
        self._pages = pages
        self._callbacks = callbacks
        self._api = api
        self._away = away
        self._callback_map = callback_map
        self._shapes: dict[str, Shape] = {}

    def check(self) -> ResponseReturnValue | None:
        """Runs before every request; sets the principal, answers a redirect, or raises."""
        path = flask.request.path
        if path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES):
            _require_same_origin()
            return None
        if path.startswith("/api/"):
            self._check_api()
            return None
        if path == UPDATE:
            return self._check_callback()
        return self._check_page(path)

    def _check_api(self) -> None:
        permission = self._api.get(flask.request.endpoint or "")
        who = self._identity.program()
        if who is None:
            who = self._signed_in()
            _require_same_origin()
        if permission is None:
            raise NotFoundError("There is no such address.")
        who.require(permission)
        set_principal(who)

    def _check_callback(self) -> ResponseReturnValue | None:
        try:
            who = self._signed_in()
        except UnavailableError:
            return self._answer_away()
        _require_same_origin()
        body, key = self._callback()
        who.require(self._callbacks[key])
        check_body(body, self._shape(key))
        set_principal(who)
        return None

    def _answer_away(self) -> ResponseReturnValue:
        """An open page keeps what it drew: fixed words for the tick, no update for the others."""
        _require_same_origin()
        _, key = self._callback()
        if key not in self._away:
            return "", NO_CONTENT
        return flask.jsonify({"multi": True, "response": self._away[key]()})

    def _callback(self) -> tuple[object, str]:
        """The body of a callback's request and the callback that it names."""
        body = flask.request.get_json(silent=True)
        key = body.get("output") if isinstance(body, dict) else None
        if not isinstance(key, str) or key not in self._callbacks:
            raise InvalidInputError("There is no such callback.", field="output")
        return body, key

    def _shape(self, key: str) -> Shape:
        if key not in self._shapes:
            self._shapes[key] = shape(self._callback_map[key])
        return self._shapes[key]

    def _check_page(self, path: str) -> ResponseReturnValue | None:
        who = self._identity.browser()
        if path in SIGNED_IN_PATHS:
            set_principal(self._signed_in())
            _require_same_origin()
        elif flask.request.method not in _SAFE or path not in self._pages:
            raise (
                NotFoundError("There is no such page.")
                if who
                else UnauthenticatedError("Sign in first.")
            )
        elif who is None:
            query = flask.request.query_string.decode("utf-8", "replace")
            wanted = f"{path}?{query}" if query else path
            return flask.redirect(flask.url_for("account.login", next=wanted))
        else:
            set_principal(who)
        return None

    def _signed_in(self) -> Principal:
        who = self._identity.browser()
        if who is None:
            raise UnauthenticatedError("Sign in first.")
        return who


def _require_same_origin() -> None:
    """Refuses a state-changing request that another site's page made a browser send. A client
    that sends neither header is no browser, and nobody can make it send another's cookie."""
    if flask.request.method in _SAFE:
        return
    origin = flask.request.headers.get("Origin")
    if origin is not None:
        same = urlsplit(origin).netloc == flask.request.host
    else:
        same = flask.request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    if not same:
        raise ForbiddenError("This request came from another site.", code="cross_site")
