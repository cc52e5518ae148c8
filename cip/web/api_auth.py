"""The API: tokens for people."""

from __future__ import annotations

from typing import Any

import flask
from flask.typing import ResponseReturnValue

from cip.auth.tokens import ACCESS_LIFE
from cip.services import Services
from cip.services.api_tokens import TokenPair
from cip.web.api_bodies import json_body, json_object, only, string
from cip.web.api_routes import Routes, Told
from cip.web.openapi_models import Credentials, Refreshing, Tokens
from cip.web.requests import principal

_ABOUT = "Signing in"


def register(routes: Routes, services: Services) -> None:
    def token() -> ResponseReturnValue:
        given = json_object(json_body())
        only(given, {"username", "password", "tenant"})
        username, password = string(given, "username"), string(given, "password")
        wanted = string(given, "tenant") if given.get("tenant") is not None else None
        user = services.signing_in.check(
            username.strip().lower(), password, flask.request.remote_addr or ""
        )
        return _tokens(services.api_tokens.grant(user, wanted))

    def refresh() -> ResponseReturnValue:
        given = json_object(json_body())
        only(given, {"refresh_token"})
        return _tokens(services.api_tokens.refresh(string(given, "refresh_token", 4_096)))

    def logout() -> ResponseReturnValue:
        who = principal()
        # A page may call this too: its session ends, not only the token that it sent.
        if not services.sessions.sign_out(who):
            services.api_tokens.revoke(who)
        return "", 204

    person = {"username": "alice", "password": "correct horse battery"}
    routes.add("POST", "/auth/token", token, Told(
        "Sign in", _ABOUT, {200: Tokens}, (401, 403, 409, 413, 415, 422, 429), public=True,
        takes=routes.json(Credentials, person),
        more="The access token lasts 15 minutes, the refresh token seven days.",
    ))  # fmt: skip
    routes.add("POST", "/auth/refresh", refresh, Told(
        "The next pair of tokens", _ABOUT, {200: Tokens}, (401, 403, 409, 413, 415, 422),
        public=True, takes=routes.json(Refreshing, {"refresh_token": "eyJ…"}),
        more="A refresh token works once: 409 when it is used again within ten seconds; later all"
        " tokens of that sign-in end.",
    ))  # fmt: skip
    routes.add("POST", "/auth/logout", logout, Told(
        "End the tokens of this sign-in", _ABOUT, {204: None}, (403,),
    ))  # fmt: skip


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "tenant": pair.tenant,
    }
