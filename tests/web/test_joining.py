"""Accepting an invitation: once, with a good password, from our own page."""

from __future__ import annotations

import pytest
from dash import Dash

from cip.domain.permissions import Role
from cip.services.people import INVITATION_LIFE
from tests.factories import Clock, Platform
from tests.web.conftest import Client

CHOSEN = "seven quiet green lamps"


@pytest.fixture
def code(app: Dash, platform: Platform) -> str:
    """Of carol, who was invited to acme."""
    del app  # its users are there
    invited = platform.services.people.invite(
        platform.principal(), "carol", "Carol Example", Role.VIEWER
    )
    assert invited.code
    return invited.code


def join(client: Client, code: str, password: str = CHOSEN, again: str | None = None) -> Client:
    typed = password if again is None else again
    return client.post("/join", data={"code": code, "password": password, "again": typed})


def may_sign_in(app: Dash, password: str) -> bool:
    client = app.server.test_client()
    answer = client.post("/login", data={"username": "carol", "password": password})
    return bool(answer.status_code == 303)


def test_the_page_asks_for_a_code_and_a_password(anonymous: Client) -> None:
    answer = anonymous.get("/join")
    assert answer.status_code == 200
    assert 'name="code"' in answer.text
    assert "12 to 128 characters" in answer.text
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert "<script>" not in answer.text


def test_the_invited_set_a_password_and_sign_in(app: Dash, anonymous: Client, code: str) -> None:
    assert not may_sign_in(app, CHOSEN)
    answer = join(anonymous, code)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?joined=1")
    assert "You can sign in now" in anonymous.get("/login?joined=1").text
    assert may_sign_in(app, CHOSEN)


def test_a_code_works_once(app: Dash, anonymous: Client, code: str) -> None:
    join(anonymous, code)
    again = join(anonymous, code, "another five word sentence")
    assert again.status_code == 422
    assert may_sign_in(app, CHOSEN)
    assert not may_sign_in(app, "another five word sentence")


def test_used_late_forged_and_foreign_codes_get_one_answer(
    anonymous: Client, platform: Platform, code: str
) -> None:
    def told(given: str) -> tuple[int, str]:
        answer = join(anonymous, given)
        return answer.status_code, answer.text.replace(given, "")

    forged, unknown = told("x" * 43 + ".carol"), told("x" * 43 + ".nobody")
    existing, odd = told("x" * 43 + ".alice"), told("{ä}*")
    assert isinstance(platform.clock, Clock)
    platform.clock.move(seconds=INVITATION_LIFE.total_seconds() + 1)
    late = told(code)
    assert forged == unknown == existing == odd == late
    assert forged[0] == 422
    assert "does not work any more" in forged[1]


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", "short", "12 to 128 characters"),
        ("x" * 2_000, "x" * 2_000, "12 to 128 characters"),
        ("passwordpassword", "passwordpassword", "easy to guess"),
        (CHOSEN, CHOSEN + " ", "not the same"),
        (CHOSEN, "", "not the same"),
    ],
)
def test_a_refused_password_keeps_the_code(
    app: Dash, anonymous: Client, code: str, password: str, again: str, told: str
) -> None:
    answer = join(anonymous, code, password, again)
    assert answer.status_code == 422
    assert told in answer.text.split("join-error")[1].split("</div>")[0]
    assert f'value="{code}"' in answer.text
    assert password not in answer.text
    assert join(anonymous, code).status_code == 303
    assert may_sign_in(app, CHOSEN)


def test_nothing_of_the_form_is_html(anonymous: Client) -> None:
    answer = join(anonymous, '"><script>alert(1)</script>')
    assert "<script>alert" not in answer.text


def test_a_missing_code_is_said(anonymous: Client) -> None:
    answer = join(anonymous, " ")
    assert answer.status_code == 422
    assert "code of your invitation is missing" in answer.text


def test_another_site_cannot_post_the_form(app: Dash, anonymous: Client, code: str) -> None:
    data = {"code": code, "password": CHOSEN, "again": CHOSEN}
    evil = {"Origin": "https://evil.example"}
    assert anonymous.post("/join", data=data, headers=evil).status_code == 403
    assert not may_sign_in(app, CHOSEN)


def test_the_login_says_only_what_is_fixed(anonymous: Client) -> None:
    assert "sign in now" not in anonymous.get("/login").text
    other = anonymous.get("/login?joined=canary").text
    assert "sign in now" not in other
    assert "canary" not in other
