"""The HTTP API, version 1. Each route names the permission it needs where it is registered."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import flask
import orjson
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from cip.auth.tokens import ACCESS_LIFE
from cip.domain.errors import InvalidInputError, TooLargeError
from cip.domain.events import MAX_REQUEST_BYTES
from cip.domain.insights import INSIGHTS
from cip.domain.permissions import Permission
from cip.services import Services
from cip.services.api_tokens import TokenPair
from cip.services.insights import MAX_WAIT_SECONDS, parse_query
from cip.services.outcomes import Outcome
from cip.web.requests import principal

PREFIX: Final = "/api/v1"
_RETRY_SECONDS: Final = "1"


class Api:
    """`permissions`: endpoint → permission, for the guard."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.permissions: dict[str, Permission] = {}
        self.blueprint = flask.Blueprint("api", __name__, url_prefix=PREFIX)
        for name, view in (
            ("token", self._token),
            ("refresh", self._refresh),
            ("logout", self._logout),
        ):
            self.blueprint.add_url_rule(f"/auth/{name}", name, view, methods=["POST"])
        self._route("POST", "/events", self._events, Permission.EVENTS_WRITE)
        self._route("GET", "/insights", self._insights, Permission.ANALYTICS_VIEW)
        self._route("POST", "/insights/<slug>", self._insight, Permission.ANALYTICS_VIEW)

    def _route(
        self, method: str, path: str, view: Callable[..., ResponseReturnValue], need: Permission
    ) -> None:
        name = view.__name__.strip("_")
        self.blueprint.add_url_rule(path, name, view, methods=[method])
        self.permissions[f"api.{name}"] = need

    def _token(self) -> ResponseReturnValue:
        body = _object(_json())
        _only(body, {"username", "password", "tenant"})
        username, password = _string(body, "username"), _string(body, "password")
        wanted = _string(body, "tenant") if body.get("tenant") is not None else None
        user = self._services.signing_in.check(
            username.strip().lower(), password, flask.request.remote_addr or ""
        )
        return _tokens(self._services.api_tokens.grant(user, wanted))

    def _refresh(self) -> ResponseReturnValue:
        body = _object(_json())
        _only(body, {"refresh_token"})
        return _tokens(self._services.api_tokens.refresh(_string(body, "refresh_token", 4_096)))

    def _logout(self) -> ResponseReturnValue:
        who = principal()
        # A page may call this too: its session ends, not only the token that it sent.
        if not self._services.sessions.sign_out(who):
            self._services.api_tokens.revoke(who)
        return "", 204

    def _events(self) -> ResponseReturnValue:
        answer = self._services.ingestion.accept(principal().tenant, _raw_events())
        return dataclasses.asdict(answer), 202

    def _insights(self) -> ResponseReturnValue:
        return {
            "insights": [
                {
                    "slug": insight.slug,
                    "title": insight.title,
                    "query": insight.query.model_json_schema(),
                    "max_age_seconds": insight.max_age.total_seconds(),
                }
                for insight in INSIGHTS.values()
            ]
        }

    def _insight(self, slug: str) -> ResponseReturnValue:
        wait = _wait_seconds()
        insight, query = parse_query(slug, _json() if _body().strip() else {})
        who = principal()
        wants_csv = (
            flask.request.accept_mimetypes.best_match(["application/json", "text/csv"])
            == "text/csv"
        )
        if wants_csv:
            who.require(Permission.ANALYTICS_EXPORT)
        outcome = self._services.insights.fetch(who, insight.slug, query, wait_seconds=wait)
        if wants_csv and outcome.result:
            made = self._services.exports.of(who, insight.slug, outcome.result)
            return flask.Response(made.content, mimetype="text/csv")
        return _envelope(outcome)


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "tenant": pair.tenant,
    }


def _envelope(outcome: Outcome) -> ResponseReturnValue:
    if outcome.result is None:
        return {"status": outcome.state}, 202, {"Retry-After": _RETRY_SECONDS}
    text = outcome.result.model_dump_json(by_alias=True)
    return flask.Response(text, mimetype="application/json")


def _raw_events() -> Sequence[object]:
    """`{"events": [...]}`, or JSON lines; a line that is not JSON is rejected by its own."""
    text = _body()
    if flask.request.mimetype in ("application/x-ndjson", "application/jsonl"):
        return [_line(line) for line in text.splitlines() if line.strip()]
    body = _object(_parsed(text))
    _only(body, {"events"})
    events = body.get("events")
    if not isinstance(events, list):
        raise InvalidInputError("A list of events.", field="events")
    return events


def _line(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _body() -> bytes:
    try:
        text = flask.request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        raise TooLargeError(f"At most {MAX_REQUEST_BYTES // 1024**2} MB a request.") from error
    return text


def _json() -> object:
    return _parsed(_body())


def _parsed(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("The body is not JSON.", code="not_json") from error


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInputError("The body is a JSON object.")
    return value


def _only(body: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise InvalidInputError("Unknown field.", code="unknown_field", field=unknown[0][:64])


def _string(body: dict[str, Any], name: str, longest: int = 256) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise InvalidInputError(f"A string of 1 to {longest} characters.", field=name)
    return value


def _wait_seconds() -> float:
    text = flask.request.args.get("wait", "0")
    try:
        wait = float(text)
    except ValueError:
        wait = math.nan
    if not 0 <= wait <= MAX_WAIT_SECONDS:
        raise InvalidInputError("Seconds from 0 to 30.", field="wait")
    return wait
