"""The API: figures out."""

from __future__ import annotations

from typing import Any, Final

import flask
from flask.typing import ResponseReturnValue

from cip.domain.insights import INSIGHTS
from cip.domain.permissions import Permission
from cip.domain.results import Result
from cip.services import Services
from cip.services.insights import parse_query
from cip.services.outcomes import Outcome
from cip.web.api_bodies import body, json_body, wait_seconds
from cip.web.api_routes import JSON, Routes, Told, address_part, in_path, ref
from cip.web.openapi_models import InsightList, Waiting
from cip.web.requests import principal

_ABOUT: Final = "Figures"
_CSV: Final = "text/csv"
_RETRY_SECONDS: Final = "1"
_SLUG: Final = in_path("slug", "The insight.", enum=list(INSIGHTS))
_WAIT: Final = {
    "name": "wait",
    "in": "query",
    "description": "Seconds that the server waits for what has to be computed first.",
    "schema": {"type": "number", "minimum": 0, "maximum": 30, "default": 0},
}


def register(routes: Routes, services: Services) -> None:
    def insights() -> ResponseReturnValue:
        return {
            "insights": [
                {
                    "slug": each.slug,
                    "title": each.title,
                    "query": each.query.model_json_schema(),
                    "max_age_seconds": each.max_age.total_seconds(),
                }
                for each in INSIGHTS.values()
            ]
        }

    def insight() -> ResponseReturnValue:
        wait = wait_seconds()
        asked, query = parse_query(address_part("slug"), json_body() if body().strip() else {})
        who = principal()
        wants_csv = flask.request.accept_mimetypes.best_match([JSON, _CSV]) == _CSV
        if wants_csv:
            who.require(Permission.ANALYTICS_EXPORT)
        outcome = services.insights.fetch(who, asked.slug, query, wait_seconds=wait)
        if wants_csv and outcome.result:
            made = services.exports.of(who, asked.slug, outcome.result)
            return flask.Response(made.content, mimetype=_CSV)
        return _envelope(outcome)

    routes.add("GET", "/insights", insights, Told(
        "The insights and the schemas of their queries", _ABOUT, {200: InsightList}, (403,),
        needs=Permission.ANALYTICS_VIEW,
    ))  # fmt: skip
    routes.add("POST", "/insights/<slug>", insight, Told(
        "An insight's figures", _ABOUT, {200: _figures(routes), 202: Waiting},
        (403, 404, 413, 415, 422), takes=_queries(routes), must_send=False,
        parameters=(_SLUG, _WAIT), needs=Permission.ANALYTICS_VIEW,
        headers={202: {"Retry-After": "Seconds."}},
        more="Takes the query of the insight, `{}` for the defaults. `Accept: text/csv` answers the"
        " same figures as CSV, for which `analytics:export` is needed.",
    ))  # fmt: skip


def _queries(routes: Routes) -> dict[str, Any]:
    models = [each.query for each in INSIGHTS.values()]
    routes.models.update(models)
    any_of = {"anyOf": [ref(model) for model in models]}
    return {JSON: {"schema": any_of, "example": {"period": {"last": "24h"}}}}


def _figures(routes: Routes) -> dict[str, Any]:
    models: list[Any] = [Result[each.result] for each in INSIGHTS.values()]  # type: ignore[name-defined]
    routes.models.update(models)
    return {
        JSON: {"schema": {"anyOf": [ref(model) for model in models]}},
        _CSV: {"schema": {"type": "string"}},
    }


def _envelope(outcome: Outcome) -> ResponseReturnValue:
    if outcome.result is None:
        return {"status": outcome.state}, 202, {"Retry-After": _RETRY_SECONDS}
    text = outcome.result.model_dump_json(by_alias=True)
    return flask.Response(text, mimetype=JSON)
