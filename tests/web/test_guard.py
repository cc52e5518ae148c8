"""Default deny: routes, pages, callbacks, and other tenants."""

from __future__ import annotations

import gc
import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from dash import Dash

import wsgi
from cip.auth.policy import PERMISSIONS
from cip.domain.permissions import Role
from cip.settings import Settings
from cip.web import guard
from layouts import PAGES
from tests.factories import Platform, raw_event
from tests.web.conftest import PASSWORD, Client, prove_page, sign_in
from tests.web.workers import cookies_of

UPDATE = "/_dash-update-component"
ASSETS = Path(wsgi.__file__).parent / "assets"
HOSTILE: tuple[Any, ...] = (None, "x", -1, [], {}, {"a": [1]}, "9" * 5_000)


def test_the_public_list_is_short_and_known() -> None:
    assert sorted(guard.PUBLIC_PATHS) == [
        "/_favicon.ico",
        "/api/docs",
        "/api/v1/auth/refresh",
        "/api/v1/auth/token",
        "/api/v1/openapi.json",
        "/healthz",
        "/join",
        "/login",
        "/metrics",
        "/readyz",
    ]
    assert guard.PUBLIC_PREFIXES == (
        "/assets/",
        "/_dash-component-suites/",
        "/bootstrap/static/",
        "/api/docs/",
    )


def test_every_route_is_public_or_refuses_a_stranger(app: Dash, anonymous: Client) -> None:
    refused = 0
    for rule in app.server.url_map.iter_rules():
        path = str(rule).replace("<slug>", "kpis").replace("<path:path>", "anything")
        if path in guard.PUBLIC_PATHS or path.startswith(guard.PUBLIC_PREFIXES):
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = anonymous.open(path, method=method)
            assert answer.status_code in (302, 401), (method, path, answer.status_code)
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith("/login")
            refused += 1
    assert refused >= 8


def test_every_callback_has_a_permission(app: Dash) -> None:
    guarded = app.server.extensions["cip_guard"]._callbacks
    server_side = {
        key for key, entry in app.callback_map.items() if entry.get("callback") is not None
    }
    assert server_side
    assert server_side == set(guarded)


def test_two_applications_in_one_process_expose_the_same_callbacks(
    settings: Settings, platform: Platform
) -> None:
    first = wsgi.create_app(settings, platform.services)
    second = wsgi.create_app(settings, platform.services)
    assert first.callback_map.keys() == second.callback_map.keys()
    assert len(first.callback_map) > 5


def test_a_signed_in_user_gets_pages_and_only_pages(alice: Client) -> None:
    for path in PAGES:
        assert alice.get(path).status_code == 200
    assert alice.get("/nowhere").status_code == 404
    assert alice.get("/_reload-hash").status_code == 404
    assert alice.get("/logout").status_code == 404
    assert alice.post("/").status_code in (404, 405)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"text"',
        b'{"output": 5}',
        b'{"output": "page-content.children"}',
        b'{"output": "_pages_content.children"}',
        b'{"output": "../../etc/passwd.children"}',
    ],
)
def test_a_malformed_callback_body_is_refused_without_a_trace(alice: Client, body: bytes) -> None:
    answer = alice.post(UPDATE, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json) == {"error"}
    assert "Traceback" not in answer.text


@pytest.fixture
def root(app: Dash, platform: Platform) -> Client:
    """A browser of somebody who may call every callback."""
    platform.services.accounts.users.change(
        "alice", lambda user: user.model_copy(update={"super_admin": True})
    )
    return sign_in(app, "alice")


def test_forged_ids_in_a_callback_body_are_refused(app: Dash, root: Client) -> None:
    tried = 0
    for key, entry in app.callback_map.items():
        if entry.get("callback") is None:
            continue
        good = _body(key, entry)
        for forged in (
            {**good, "inputs": []},
            {**good, "inputs": [*good["inputs"], {"id": "x", "property": "y", "value": 1}]},
            {**good, "inputs": [{**item, "id": "forged"} for item in good["inputs"]]},
            {**good, "inputs": [{**item, "property": "forged"} for item in good["inputs"]]},
            {**good, "inputs": "text"},
            {**good, "state": {"a": 1}},
            {**good, "changedPropIds": 5},
            {**good, "tenant": "outside"},
            {**good, "outputs": None},
            {**good, "outputs": []},
            {**good, "outputs": [{"id": "forged", "property": "children"}]},
        ):
            answer = root.post(UPDATE, json=forged)
            assert answer.status_code == 400, (key, forged)
            tried += 1
    assert tried >= 16


def test_no_callback_body_of_nulls_breaks_the_server(
    app: Dash, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cip.services.exports.WAIT_SECONDS", 0)  # no worker runs here
    for key, entry in app.callback_map.items():
        if entry.get("callback") is not None:
            for value in HOSTILE:
                answer = root.post(UPDATE, json=_body(key, entry, value))
                assert answer.status_code < 500, (key, value, answer.text[:300])
                assert "Traceback" not in answer.text


def test_no_callback_answers_a_stranger(app: Dash, anonymous: Client) -> None:
    for key, entry in app.callback_map.items():
        if entry.get("callback") is not None:
            assert anonymous.post(UPDATE, json=_body(key, entry)).status_code == 401


def test_a_callback_posted_by_another_site_is_refused(app: Dash, alice: Client) -> None:
    key, entry = next(
        (key, entry) for key, entry in app.callback_map.items() if entry.get("callback")
    )
    answer = alice.post(UPDATE, json=_body(key, entry), headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_tenant_sees_nothing_of_another(
    app: Dash,
    platform: Platform,
    alice: Client,
    charlie: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cip.services.exports.WAIT_SECONDS", 0)  # no worker runs here
    platform.send(*[raw_event(customer="canary-of-acme") for _ in range(7)])
    query = orjson.dumps({"period": {"last": "24h"}})
    mine = alice.post("/api/v1/insights/kpis", data=query).json
    theirs = charlie.post("/api/v1/insights/kpis", data=query).json
    assert mine["data"]["events"]["value"] == 7
    assert theirs["data"]["events"]["value"] == 0
    assert theirs["envelope"]["tenant"] == "outside"
    guarded = app.server.extensions["cip_guard"]._callbacks
    seen = {"alice": 0, "charlie": 0}
    # Alice first: what the caches keep of her must not reach charlie.
    for name, client in (("alice", alice), ("charlie", charlie)):
        version = platform.services.pulse.version(platform.principal())
        for key, entry in app.callback_map.items():
            if entry.get("callback") is not None:
                answer = client.post(UPDATE, json=_filled(key, entry, version))
                may = guarded[key] in PERMISSIONS[Role.ADMIN]
                wanted = (200, 204, 409) if may else (403,)
                assert answer.status_code in wanted, (key, answer.text[:300])
                seen[name] += "canary-of-acme" in answer.text
    assert seen["alice"] > 0
    assert seen["charlie"] == 0


def test_a_token_for_a_tenant_one_does_not_belong_to_is_refused(anonymous: Client) -> None:
    body = {"username": "charlie", "password": PASSWORD, "tenant": "acme"}
    assert anonymous.post("/api/v1/auth/token", json=body).status_code == 401


def test_the_headers_hold_on_pages_answers_and_errors(alice: Client) -> None:
    for path in ("/", "/api/v1/insights", "/nowhere"):
        headers = alice.get(path).headers
        assert "object-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store, private"
        assert headers["X-Request-ID"]


def test_what_has_its_version_in_its_address_is_kept_and_the_rest_asked_again(
    anonymous: Client,
) -> None:
    for_ever = "public, max-age=31536000, immutable"
    for path, wanted in (
        ("/assets/shell.js?m=1", for_ever),
        ("/assets/shell.js", "no-cache"),
        ("/bootstrap/static/css/bootstrap.min.css", "no-cache"),
        ("/assets/missing.js?m=1", "no-store, private"),
    ):
        answer = anonymous.get(path, buffered=True)
        assert answer.headers["Cache-Control"] == wanted, path


def test_a_file_is_compressed_and_known_again(anonymous: Client) -> None:
    def get(**headers: str) -> Client:
        packed = {"Accept-Encoding": "gzip", **headers}
        return anonymous.get("/assets/shell.js", headers=packed, buffered=True)

    first = get()
    assert first.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(first.data) == (ASSETS / "shell.js").read_bytes()
    assert get(**{"If-None-Match": first.headers["ETag"]}).status_code == 304
    part = get(Range="bytes=0-9")
    assert (part.status_code, len(part.data)) == (206, 10)
    gc.collect()  # a file that was left open would fail the test here


def test_without_redis_nothing_of_a_tenant_leaves_the_server(
    settings: Settings, platform: Platform, alice: Client
) -> None:
    platform.send(raw_event())
    client = _without_redis(settings, alice)
    page = {"Accept": "text/html"}
    sign_in = {"username": "alice", "password": PASSWORD}
    for answer in (
        client.get("/"),
        client.get("/", headers=page),
        client.post("/api/v1/insights/kpis", json={}),
        client.post("/login", data=sign_in),
        client.post("/login", data=sign_in, headers=page),
        client.application.test_client().post("/login", data=sign_in, headers=page),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_without_redis_an_open_page_is_told_so_and_gets_nothing_else(
    app: Dash, settings: Settings, platform: Platform, alice: Client
) -> None:
    platform.send(raw_event(customer="canary-of-acme"))
    client = _without_redis(settings, alice)
    told = []
    for key, entry in app.callback_map.items():
        if entry.get("callback") is not None:
            answer = client.post(UPDATE, json=_body(key, entry, "canary-of-the-body"))
            assert answer.status_code in (200, 204), key
            assert (answer.status_code == 204) == (answer.data == b"")
            told += [answer] if answer.data else []
    (tick,) = told
    (pulse,) = tick.json["response"].values()
    assert pulse["data"].keys() == {"state", "since"}
    assert pulse["data"]["state"] == "unreachable"
    assert abs(pulse["data"]["since"] - datetime.now(UTC).timestamp()) < 60
    assert "canary" not in tick.text
    assert "acme" not in tick.text


def test_without_redis_forged_callbacks_and_other_sites_are_refused(
    app: Dash, settings: Settings, alice: Client
) -> None:
    client = _without_redis(settings, alice)
    assert client.post(UPDATE, json={"output": "forged.children"}).status_code == 400
    key, entry = next(each for each in app.callback_map.items() if each[1].get("callback"))
    evil = {"Origin": "https://evil.example"}
    assert client.post(UPDATE, json=_body(key, entry), headers=evil).status_code == 403


def _without_redis(settings: Settings, client: Client) -> Client:
    """The client's session at a server whose Redis does not answer."""
    dead = {
        "CIP_HOME": str(settings.home),
        "CIP_REDIS_URL": "redis://127.0.0.1:1",
        "CIP_SECRET_KEY": settings.secret_key,
    }
    other: Client = wsgi.create_app(Settings.from_env(dead)).server.test_client()
    cookies = cookies_of(client)
    assert sorted(cookies) == ["cip_access", "cip_csrf", "cip_session"]
    for name, value in cookies.items():
        other.set_cookie(name, value)
    prove_page(other)
    return other


def _body(key: str, entry: Any, value: Any = None) -> dict[str, Any]:
    def filled(items: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{**_plain(item), "value": value} for item in items]

    output = entry["output"]
    several = isinstance(output, (list, tuple))
    outputs = [
        _plain({"id": one.component_id_str(), "property": one.component_property})
        for one in (output if several else [output])
    ]
    return {
        "output": key,
        "outputs": outputs if several else outputs[0],
        "inputs": filled(entry["inputs"]),
        "state": filled(entry["state"]),
        "changedPropIds": [],
    }


def _filled(key: str, entry: Any, version: str) -> dict[str, Any]:
    """A body as a page posts it: filters read, a version told, a button pressed."""
    body = _body(key, entry)
    for item in body["inputs"]:
        name = str(item["id"])
        if name.endswith("-filters"):
            item["value"] = ""
        elif name == "data-version":
            item["value"] = version
        elif item["property"] == "n_clicks":
            item["value"] = 1
        elif item["property"] == "pathname":
            item["value"] = "/"
    return body


def _plain(item: dict[str, str]) -> dict[str, Any]:
    """A pattern-matching id as a browser would send one of its members."""
    if not item["id"].startswith("{"):
        return dict(item)
    pattern = orjson.loads(item["id"])
    return {
        "id": {key: "x" if isinstance(part, list) else part for key, part in pattern.items()},
        "property": item["property"],
    }
