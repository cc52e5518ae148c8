"""What changes something: from a page of ours and of this very session, or by no browser at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dash import Dash

from cip.web import guard
from cip.web.requests import UPDATE
from tests.factories import Platform, raw_event
from tests.web.conftest import PASSWORD, Client, sign_in
from tests.web.workers import callback_body, cookies_of

CREDENTIALS = {"username": "alice", "password": PASSWORD}
SAFE = {"GET", "HEAD", "OPTIONS"}
# A browser that has no session yet proves nothing by one: the origin alone is looked at.
BEFORE_SIGNING_IN = {"/login", "/join", "/api/v1/auth/token", "/api/v1/auth/refresh"}
FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:8051"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
Target = tuple[str, str, dict[str, Any] | None]


def _targets(app: Dash) -> Iterator[Target]:
    """Method, path and body of whatever could change something."""
    for rule in app.server.url_map.iter_rules():
        path = str(rule).replace("<slug>", "kpis")
        for method in sorted(rule.methods - SAFE):
            if path != UPDATE and "<" not in path:
                yield method, path, {}
    for key, entry in app.callback_map.items():
        if entry.get("callback") is not None:
            item = entry["inputs"][0]
            trigger = f"{item['id']}.{item['property']}"
            yield "POST", UPDATE, {**callback_body(app, trigger, []), "output": key}


@pytest.fixture
def targets(app: Dash) -> list[Target]:
    found = list(_targets(app))
    assert {path for _, path, _ in found} >= {
        UPDATE,
        "/login",
        "/join",
        "/logout",
        "/api/v1/events",
        "/api/v1/insights/kpis",
        "/api/v1/auth/token",
        "/api/v1/auth/refresh",
        "/api/v1/auth/logout",
    }
    assert len(found) > 15
    return found


def refused_as(client: Client, target: Target, **headers: str) -> str | None:
    """The code of the refusal, None where it went further than that."""
    method, path, body = target
    answer = client.open(path, method=method, json=body, headers={"Accept": "*/*", **headers})
    if answer.status_code == 404:  # Dash's own routes, which are nobody's
        return "not_found"
    if answer.status_code != 403:
        return None
    text: str = answer.text
    if answer.is_json:
        return str(answer.json["error"]["code"])
    return "csrf" if "did not come from the page" in text else "cross_site"


@pytest.mark.parametrize("header", [None, "", "forged", "é", "0" * 64, "another session's"])
def test_a_change_by_cookies_needs_the_proof_of_this_very_session(
    app: Dash, targets: list[Target], alice: Client, header: str | None
) -> None:
    if header == "another session's":
        header = cookies_of(sign_in(app, "alice"))["cip_csrf"]
    del alice.environ_base["HTTP_X_CSRF_TOKEN"]
    headers = {} if header is None else {"X-CSRF-Token": header}
    looked_at = 0
    for target in targets:
        if target[1] not in BEFORE_SIGNING_IN:
            assert refused_as(alice, target, **headers) in ("csrf", "not_found"), target[:2]
            looked_at += refused_as(alice, target, **headers) == "csrf"
    assert looked_at > 10
    assert alice.get("/").status_code == 200, "nobody has signed her out"


def test_the_proof_in_the_cookie_alone_proves_nothing(alice: Client) -> None:
    """A browser sends the cookie whoever's page makes it."""
    del alice.environ_base["HTTP_X_CSRF_TOKEN"]
    assert alice.get_cookie("cip_csrf") is not None
    assert alice.post("/logout").status_code == 403


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda one: " ".join(*one.items()))
def test_a_change_from_another_site_is_refused_even_with_the_proof(
    targets: list[Target], alice: Client, foreign: dict[str, str]
) -> None:
    looked_at = 0
    for target in targets:
        code = refused_as(alice, target, **foreign)
        assert code in ("cross_site", "not_found"), target[:2]
        looked_at += code == "cross_site"
    assert looked_at > 12
    assert alice.get("/").status_code == 200


@pytest.mark.parametrize(
    "ours", [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}]
)
def test_a_change_from_a_page_of_ours_is_let_through(
    app: Dash, alice: Client, ours: dict[str, str]
) -> None:
    tick = "tick.n_intervals"
    body = callback_body(app, tick, [tick])
    assert alice.post(UPDATE, json=body, headers=ours).status_code == 200
    assert alice.post("/logout", headers=ours).status_code == 303


def test_a_form_sends_the_proof_in_a_field(alice: Client) -> None:
    del alice.environ_base["HTTP_X_CSRF_TOKEN"]
    proof = cookies_of(alice)["cip_csrf"]
    assert alice.post("/logout", data={"csrf_token": proof[::-1]}).status_code == 403
    assert alice.get("/").status_code == 200
    assert alice.post("/logout", data={"csrf_token": proof}).status_code == 303
    assert alice.get("/").status_code == 302


def test_the_proof_of_a_callback_is_no_field_of_its_body(app: Dash, alice: Client) -> None:
    proof = alice.environ_base.pop("HTTP_X_CSRF_TOKEN")
    tick = "tick.n_intervals"
    body = {**callback_body(app, tick, [tick]), "csrf_token": proof}
    assert alice.post(UPDATE, json=body).status_code == 403


def test_programs_need_no_proof(anonymous: Client, api_key: str) -> None:
    events = {"events": [raw_event()]}
    pair = anonymous.post("/api/v1/auth/token", json=CREDENTIALS).json
    for headers in (
        {"X-API-Key": api_key},
        {"Authorization": f"Bearer {pair['access_token']}"},
    ):
        answer = anonymous.post("/api/v1/events", json=events, headers=headers)
        assert answer.status_code == 202, headers
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    assert anonymous.post("/api/v1/auth/logout", headers=bearer).status_code == 204


def test_a_programs_header_does_not_stand_in_for_the_proof_of_cookies(alice: Client) -> None:
    """The header counts or the cookies do: a bad key beside good cookies is refused."""
    del alice.environ_base["HTTP_X_CSRF_TOKEN"]
    for headers, status in (
        ({"X-API-Key": "cip_nonsense"}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": "Basic eDp5"}, 403),
    ):
        answer = alice.post("/api/v1/events", json={"events": []}, headers=headers)
        assert answer.status_code == status, headers


def test_reading_changes_nothing(app: Dash, alice: Client, platform: Platform) -> None:
    def kept() -> dict[bytes, bytes]:
        # That a process lives is noted whoever asks for it, and how often somebody asks is counted.
        noted = (b":heartbeat:", b"requests:")
        found = (key for key in platform.client.scan_iter("*") if not any(n in key for n in noted))
        return {key: platform.client.dump(key) for key in found}

    alice.get("/")  # from here on within the minute of this activity
    before = kept()
    assert before
    for rule in app.server.url_map.iter_rules():
        if "GET" in rule.methods:
            path = str(rule).replace("<slug>", "kpis").replace("<path:path>", "x.js")
            path = path.replace("<string:package_name>", "dash").replace(
                "<path:fingerprinted_path>", "x.js"
            )
            for method in ("GET", "HEAD", "OPTIONS"):
                alice.open(path, method=method, buffered=True)
    for path in ("/logout", "/api/v1/auth/logout", "/api/v1/events", UPDATE):
        assert alice.get(path).status_code in (404, 405, 422), path
    assert kept() == before
    assert alice.get("/").status_code == 200


def test_only_the_known_routes_are_open_to_a_browser_without_a_session(
    targets: list[Target],
) -> None:
    public = {path for _, path, _ in targets if path in guard.PUBLIC_PATHS}
    assert public == BEFORE_SIGNING_IN
