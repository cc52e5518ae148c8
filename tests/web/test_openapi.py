"""The API's document: made from the code, complete, and open to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from dash import Dash
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cip.domain.events import MAX_EVENTS_PER_REQUEST, parse_event
from cip.domain.insights import INSIGHTS
from cip.web import guard
from tests.factories import NOW, Platform, raw_event, tenant
from tests.web.conftest import Client
from tests.web.test_api import post

PUBLIC = {"/api/v1/auth/token", "/api/v1/auth/refresh", "/api/v1/openapi.json"}


@pytest.fixture
def document(anonymous: Client) -> dict[str, Any]:
    answer = anonymous.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    found: dict[str, Any] = answer.json
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_it_has_every_route_of_the_api_and_no_other(app: Dash, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.server.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(document)} == served
    assert len(served) == 9


def test_it_says_who_may_and_what_for(app: Dash, document: dict[str, Any]) -> None:
    needs = app.server.extensions["cip_guard"]._api
    assert {path for path, _, one in operations(document) if "security" not in one} == PUBLIC
    assert PUBLIC < guard.PUBLIC_PATHS
    for path, _, one in operations(document):
        need = needs.get(f"api.{one['operationId']}")
        assert need is None or f"`{need.value}`" in one["description"], path
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer"}


def test_it_tells_of_errors_and_limits(document: dict[str, Any]) -> None:
    for path, method, one in operations(document):
        where, answers = f"{method} {path}", one["responses"]
        assert "503" in answers, where
        if path not in PUBLIC:
            assert {"401", "429"} <= set(answers), where
        if "requestBody" in one:
            assert {"413", "415", "422"} <= set(answers), where
        for status, answer in answers.items():
            if int(status) < 400:
                assert answer.get("content") or status == "204", where
                continue
            schema = answer["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, where
            assert ("Retry-After" in answer.get("headers", {})) == (status in ("429", "503")), where
    events = document["paths"]["/api/v1/events"]["post"]
    assert set(events["responses"]["202"]["headers"]) == {
        "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
    }  # fmt: skip
    assert set(events["requestBody"]["content"]) == {
        "application/json", "application/x-ndjson", "application/jsonl",
    }  # fmt: skip
    schemas = document["components"]["schemas"]
    assert schemas["Events"]["properties"]["events"]["maxItems"] == MAX_EVENTS_PER_REQUEST


def test_it_names_every_parameter_of_an_address(document: dict[str, Any]) -> None:
    found = {
        (one["operationId"], parameter["in"], parameter["name"])
        for _, _, one in operations(document)
        for parameter in one.get("parameters", [])
    }
    assert found == {
        ("events", "header", "Content-Encoding"),
        ("insight", "path", "slug"),
        ("insight", "query", "wait"),
        ("erase_customer", "path", "customer_id"),
        ("erasure", "path", "erasure_id"),
    }


def test_its_examples_fit_their_schemas_and_are_accepted(
    document: dict[str, Any], anonymous: Client, api_key: str
) -> None:
    shown = 0
    for _, _, one in operations(document):
        media = one.get("requestBody", {}).get("content", {}).get("application/json")
        if media:
            against(document, media["schema"]).validate(media["example"])
            shown += 1
    assert shown == 4
    taken = document["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]
    for event in taken["application/json"]["example"]["events"]:
        parse_event(event, tenant=tenant(), now=NOW)
    lines = taken["application/x-ndjson"]["example"]
    head = {"X-API-Key": api_key, "Content-Type": "application/x-ndjson"}
    assert anonymous.post("/api/v1/events", data=lines, headers=head).json["accepted"] == 1


def test_answers_are_as_it_says(
    document: dict[str, Any], alice: Client, platform: Platform
) -> None:
    platform.send(raw_event())
    asked: list[tuple[str, str, Any]] = [
        ("/events", "/events", {"events": [raw_event(), {}]}),
        *(("/insights/{slug}", f"/insights/{slug}", {}) for slug in INSIGHTS),
        ("/insights/{slug}", "/insights/kpis", {"period": {"last": "24h"}}),
        ("/insights/{slug}", "/insights/none", {}),
    ]
    statuses = set()
    for path, address, body in asked:
        answer = post(alice, address, body)
        told = document["paths"][f"/api/v1{path}"]["post"]["responses"][str(answer.status_code)]
        against(document, told["content"]["application/json"]["schema"]).validate(answer.json)
        statuses.add(answer.status_code)
    assert statuses == {200, 202, 404}


def test_the_page_and_its_files_are_for_everybody_and_keep_no_secret(anonymous: Client) -> None:
    page = anonymous.get("/api/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) == 4
    for source in sources:
        with anonymous.get(source) as answer:
            assert answer.status_code == 200, source
        assert source.startswith(("/api/docs/", "/assets/"))
    # No script and no style stands in the page itself.
    assert re.findall(r"<script(?! src=)|<style|style=|\son\w+=", page.text) == []
    with anonymous.get("/api/docs/swagger-ui-bundle.js") as kept:
        assert kept.headers["Cache-Control"] == "no-cache"
        tag = {"If-None-Match": kept.headers["ETag"]}
    with anonymous.get("/api/docs/swagger-ui-bundle.js", headers=tag) as again:
        assert again.status_code == 304


@pytest.mark.parametrize("name", ["x.js", "../openapi.json", "%2e%2e/x", "css/swagger-ui.css", ""])
def test_no_other_file_is_served(anonymous: Client, name: str) -> None:
    answer = anonymous.get(f"/api/docs/{name}")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "not_found")


def against(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})
