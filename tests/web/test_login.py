"""Signing in and out."""

from __future__ import annotations

import pytest
from dash import Dash

from tests.factories import Platform
from tests.web.conftest import PASSWORD, Client, sign_in


def test_a_page_sends_a_stranger_to_the_login_and_back(anonymous: Client) -> None:
    answer = anonymous.get("/segments?method=r7")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/segments?method%3Dr7"
    answer = anonymous.post(
        "/login",
        data={"username": "alice", "password": PASSWORD, "next": "/segments?method=r7"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/segments?method=r7")
    assert anonymous.get("/segments").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/ok\\..",
    ],
)
def test_the_way_back_never_leads_to_another_site(anonymous: Client, target: str) -> None:
    answer = anonymous.post(
        "/login", data={"username": "alice", "password": PASSWORD, "next": target}
    )
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("alice", ""),
        ("ALICE\n", "x"),
        ("älice", PASSWORD),
        ("a" * 5_000, "b" * 5_000),
    ],
)
def test_every_refusal_reads_the_same(anonymous: Client, username: str, password: str) -> None:
    answer = anonymous.post("/login", data={"username": username, "password": password})
    assert answer.status_code == 401
    assert "The user name or the password is not right." in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_disabled_user_is_refused_and_an_open_session_ends(
    app: Dash, platform: Platform, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alice.get("/").status_code == 200
    platform.services.accounts.users.change(
        "alice", lambda user: user.model_copy(update={"disabled": True, "epoch": user.epoch + 1})
    )
    monkeypatch.setattr("cip.store.revocations.POLL_SECONDS", -1)
    assert alice.get("/").status_code == 302
    fresh = app.server.test_client()
    answer = fresh.post("/login", data={"username": "alice", "password": PASSWORD})
    assert answer.status_code == 401


def test_signing_out_ends_the_session(alice: Client) -> None:
    assert alice.post("/logout").status_code == 303
    assert alice.get("/").status_code == 302


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: Dash) -> None:
    client = app.server.test_client()
    answer = client.post("/login", data={"username": "bob", "password": PASSWORD})
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        assert ("HttpOnly" in cookie) == (not cookie.startswith("cip_csrf="))
        assert "SameSite=Lax" in cookie


def test_another_site_cannot_sign_anyone_in_or_out(app: Dash, alice: Client) -> None:
    foreign = {"Origin": "https://evil.example"}
    client = app.server.test_client()
    data = {"username": "bob", "password": PASSWORD}
    assert client.post("/login", data=data, headers=foreign).status_code == 403
    assert alice.post("/logout", headers=foreign).status_code == 403
    assert alice.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert alice.get("/").status_code == 200
    assert sign_in(app, "bob").get("/").status_code == 200


def test_the_demo_logins_are_shown_in_demo_mode_alone(anonymous: Client) -> None:
    assert "admin123" not in anonymous.get("/login").text
