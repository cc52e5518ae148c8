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
    MalformedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.services import Services
from cip.services.once_per import OncePer
from cip.web.callback_bodies import Shape, check_body, shape
from cip.web.identity import Identity, activity
from cip.web.requests import UPDATE, asked_by, asking, set_principal

PUBLIC_PATHS: Final = frozenset(
    {
        "/login",
        "/healthz",
        "/readyz",
        "/metrics",  # its own token opens it, or nobody's
        "/_favicon.ico",
        "/join",
        "/api/v1/auth/token",
        "/api/v1/auth/refresh",
        "/api/v1/openapi.json",
        "/api/docs",
    }
)
PUBLIC_PREFIXES: Final = (
    "/assets/",
    "/_dash-component-suites/",
    "/bootstrap/static/",
    "/api/docs/",
)
LOGOUT: Final = "/logout"
# Dash's own plumbing, and leaving: for whoever is signed in.
SIGNED_IN_PATHS: Final = frozenset({"/_dash-layout", "/_dash-dependencies", LOGOUT})
# What every program that has signed in may do, whatever its permissions.
SIGNED_IN_ENDPOINTS: Final = frozenset({"api.logout"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSAL_SECONDS: Final = 60.0


class Guard:
    """`pages`: paths that show the application; `callbacks`: key → permission; `api`: endpoint →
    permission; `away`: key → what that callback answers while nobody's identity can be known.
    `callback_map` is Dash's own. `ticks`: `id.property` of what changes by itself: a callback
    that only these triggered is nobody's activity."""

    def __init__(
        self,
        services: Services,
        identity: Identity,
        *,
        pages: Collection[str],
        callbacks: Mapping[str, Permission],
        api: Mapping[str, Permission],
        away: Mapping[str, Callable[[], Mapping[str, Any]]],
        callback_map: Mapping[str, Any],
        ticks: Collection[str],
    ) -> None:
        self._services = services
        self._identity = identity
        self._pages = pages
        self._callbacks = callbacks
        self._api = api
        self._away = away
        self._callback_map = callback_map
        self._ticks = frozenset(ticks)
        self._refusals = OncePer(_REFUSAL_SECONDS)
        self._shapes: dict[str, Shape] = {}

    def check(self) -> ResponseReturnValue | None:
        """Runs before every request; sets the principal, answers a redirect, or raises."""
        path = flask.request.path
        if path.startswith("/api/") and not (flask.request.endpoint or "").startswith("api."):
            # Else what no route serves would get Dash's page, which serves all paths.
            raise NotFoundError("There is no such address.")
        if path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES):
            _require_same_origin()
            return None
        if path.startswith("/api/"):
            self._check_api()
            return None
        if path == UPDATE and flask.request.method == "POST":
            return self._check_callback()
        return self._check_page(path)

    def _check_api(self) -> None:
        endpoint = flask.request.endpoint or ""
        who = self._identity.program()
        by_cookie = who is None
        who = who or self._signed_in()
        asked_by(who, endpoint)
        if by_cookie:
            self._require_our_page(who)
        if endpoint not in SIGNED_IN_ENDPOINTS:
            permission = self._api.get(endpoint)
            if permission is None:
                raise NotFoundError("There is no such address.")
            who.require(permission)
        set_principal(who)

    def _check_callback(self) -> ResponseReturnValue | None:
        try:
            who = self._signed_in()
        except UnavailableError:
            return self._answer_away()
        asked_by(who, UPDATE)
        self._require_our_page(who)
        body, key = self._callback()
        asked_by(who, key)
        who.require(self._callbacks[key])
        check_body(body, self._shape(key))
        set_principal(who)
        if not self._ticks.issuperset(body.get("changedPropIds", ())):
            activity(self._services, who)
        return None

    def _answer_away(self) -> ResponseReturnValue:
        """An open page keeps what it drew: fixed words for the tick, no update for the others."""
        _require_same_origin()
        _, key = self._callback()
        if key not in self._away:
            return "", NO_CONTENT
        return flask.jsonify({"multi": True, "response": self._away[key]()})

    def _callback(self) -> tuple[dict[str, Any], str]:
        """The body of a callback's request and the callback that it names."""
        body = flask.request.get_json(silent=True)
        key = body.get("output") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(key, str) or key not in self._callbacks:
            raise MalformedError("There is no such callback.", field="output")
        return body, key

    def _shape(self, key: str) -> Shape:
        if key not in self._shapes:
            self._shapes[key] = shape(self._callback_map[key])
        return self._shapes[key]

    def _check_page(self, path: str) -> ResponseReturnValue | None:
        who = self._identity.browser()
        # Dash answers every path that nobody else does, and so a GET of what only takes a POST.
        leaving = path == LOGOUT and flask.request.method in _SAFE
        if path in SIGNED_IN_PATHS and not leaving:
            who = self._signed_in()
            asked_by(who, path)
            self._require_our_page(who)
            set_principal(who)
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
            activity(self._services, who)
        return None

    def refused(self, error: ForbiddenError) -> None:
        """Puts on record what somebody was refused, here or further inside. Once a minute for the
        same: a page that asks again and again must not fill the log."""
        who, target = asking()
        if who is None or not self._refusals.first((who.subject, who.tenant, target, error.code)):
            return
        why = {"permission": error.permission} if error.permission else {"reason": error.code}
        self._services.audit.record(
            who.tenant, who.subject, "permission.refused", target, outcome="refused", after=why
        )

    def _require_our_page(self, who: Principal) -> None:
        """What changes something comes from a page of ours, and of this very session."""
        if flask.request.method not in _SAFE:
            _require_same_origin()
            self._identity.require_csrf(who)

    def _signed_in(self) -> Principal:
        who = self._identity.browser()
        if who is None:
            raise UnauthenticatedError("Sign in first.")
        return who


def _place(origin: str) -> str:
    """Host and port of an origin, "" where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _require_same_origin() -> None:
    """Refuses a state-changing request that another site's page made a browser send. A client
    that sends neither header is no browser, and nobody can make it send another's cookie."""
    if flask.request.method in _SAFE:
        return
    origin = flask.request.headers.get("Origin")
    if origin is not None:
        same = _place(origin) == flask.request.host
    else:
        same = flask.request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    if not same:
        raise ForbiddenError("This request came from another site.", code="cross_site")
