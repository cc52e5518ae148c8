"""Browser sessions over HTTP: the cookies, and how long they are good for."""

from __future__ import annotations

from pathlib import Path

import pytest
from dash import Dash

import wsgi
from cip.settings import Settings
from cip.web.requests import UPDATE
from tests.factories import KEYS, Clock, Platform
from tests.web.conftest import PASSWORD, Client, sign_in
from tests.web.workers import callback_body, cookies_of, given, is_signed_in

CREDENTIALS = {"username": "alice", "password": PASSWORD}
TICK = "tick.n_intervals"


@pytest.fixture
def clock(platform: Platform) -> Clock:
    assert isinstance(platform.clock, Clock)
    return platform.clock


def test_signing_in_sets_three_cookies_of_which_scripts_may_read_one(anonymous: Client) -> None:
    cookies = given(anonymous.post("/login", data=CREDENTIALS))
    assert sorted(cookies) == ["cip_access", "cip_csrf", "cip_session"]
    for name, cookie in cookies.items():
        assert bool(cookie["httponly"]) == (name != "cip_csrf"), name
        assert cookie["samesite"] == "Lax", name
        assert (cookie["path"], cookie["domain"]) == ("/", ""), name
        assert not cookie["secure"], "development speaks plain HTTP"
    ages = {name: cookie["max-age"] for name, cookie in cookies.items()}
    assert ages == {"cip_session": "", "cip_access": "900", "cip_csrf": ""}


def test_in_production_cookies_are_secure_and_of_this_host_alone(
    app: Dash, platform: Platform, redis_url: str, tmp_path: Path
) -> None:
    production = Settings.from_env(
        {
            "CIP_ENV": "production",
            "CIP_HOME": str(tmp_path / "home"),
            "CIP_REDIS_URL": redis_url,
            "CIP_SECRET_KEY": KEYS.current,
            "CIP_TRUSTED_PROXIES": "127.0.0.1",
        }
    )
    client = wsgi.create_app(production, platform.services).server.test_client()
    https = "https://localhost"
    cookies = given(client.post("/login", data=CREDENTIALS, base_url=https))
    assert sorted(cookies) == ["__Host-cip_access", "__Host-cip_csrf", "__Host-cip_session"]
    for name, cookie in cookies.items():
        assert cookie["secure"], name
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax"), name
        assert bool(cookie["httponly"]) == (not name.endswith("csrf")), name
    assert client.get("/", base_url=https).status_code == 200
    # The names without the prefix, which another host could set, mean nothing here.
    plain = wsgi.create_app(production, platform.services).server.test_client()
    for name, cookie in cookies.items():
        plain.set_cookie(name.removeprefix("__Host-"), cookie.value)
    assert plain.get("/", base_url=https).status_code == 302


def test_a_browser_that_wants_to_be_remembered_keeps_its_session_for_thirty_days(
    anonymous: Client,
) -> None:
    cookies = given(anonymous.post("/login", data={**CREDENTIALS, "remember": "1"}))
    assert cookies["cip_session"]["max-age"] == str(30 * 24 * 3_600)
    assert cookies["cip_access"]["max-age"] == "900"


def test_each_sign_in_is_another_session_and_ends_the_one_before(
    app: Dash, anonymous: Client
) -> None:
    first = given(anonymous.post("/login", data=CREDENTIALS))
    second = given(anonymous.post("/login", data=CREDENTIALS))
    for name in first:
        assert first[name].value != second[name].value, name
    assert is_signed_in(anonymous)
    old = app.server.test_client()
    old.set_cookie("cip_session", first["cip_session"].value)
    assert not is_signed_in(old)


@pytest.mark.parametrize("chosen", ["chosen-by-the-attacker", "x" * 43])
def test_a_session_that_an_attacker_chose_is_never_taken_over(app: Dash, chosen: str) -> None:
    victim, attacker = app.server.test_client(), app.server.test_client()
    for client in (victim, attacker):
        client.set_cookie("cip_session", chosen)
        client.set_cookie("cip_csrf", chosen)
    assert victim.post("/login", data=CREDENTIALS).status_code == 303
    assert is_signed_in(victim)
    assert victim.get_cookie("cip_session").value != chosen
    assert not is_signed_in(attacker)


def test_an_attackers_own_session_does_not_become_the_victims(app: Dash) -> None:
    attacker = sign_in(app, "bob")
    planted = cookies_of(attacker)
    victim = app.server.test_client()
    for name, value in planted.items():
        victim.set_cookie(name, value)
    assert victim.post("/login", data=CREDENTIALS).status_code == 303
    assert cookies_of(victim)["cip_session"] != planted["cip_session"]
    late = app.server.test_client()
    late.set_cookie("cip_session", planted["cip_session"])
    assert not is_signed_in(late)


def test_the_access_cookie_alone_and_the_session_cookie_alone_open_a_page(
    app: Dash, alice: Client
) -> None:
    cookies = cookies_of(alice)
    for name, sets in (("cip_access", []), ("cip_session", ["cip_access", "cip_csrf"])):
        client = app.server.test_client()
        client.set_cookie(name, cookies[name])
        answer = client.get("/")
        assert answer.status_code == 200, name
        assert sorted(given(answer)) == sets, name
    client = app.server.test_client()
    client.set_cookie("cip_csrf", cookies["cip_csrf"])
    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["cip_session", "cip_access"])
@pytest.mark.parametrize("value", ["", "x", "a.b.c", "é" * 40, "x" * 3_000])
def test_a_cookie_of_nonsense_opens_nothing(app: Dash, name: str, value: str) -> None:
    client = app.server.test_client()
    client.set_cookie(name, value)
    assert not is_signed_in(client)


def test_a_dead_session_cookie_is_taken_away(app: Dash) -> None:
    client = app.server.test_client()
    client.set_cookie("cip_session", "dead")
    cookies = given(client.get("/"))
    assert {cookie["max-age"] for cookie in cookies.values()} == {"0"}
    assert sorted(cookies) == ["cip_access", "cip_csrf", "cip_session"]


def test_the_access_cookie_is_issued_again_while_the_session_lives(
    alice: Client, clock: Clock
) -> None:
    first = cookies_of(alice)
    clock.move(minutes=15, seconds=29)
    assert given(alice.get("/")) == {}, "within the leeway"
    clock.move(seconds=1)
    answer = alice.get("/")
    assert answer.status_code == 200
    fresh = given(answer)
    assert fresh["cip_access"].value != first["cip_access"]
    assert fresh["cip_csrf"].value == first["cip_csrf"], "open pages go on"
    assert "cip_session" not in fresh
    assert given(alice.get("/")) == {}


# How long


def test_what_a_page_does_by_itself_keeps_no_session_alive(
    app: Dash, alice: Client, clock: Clock
) -> None:
    body = callback_body(app, TICK, [TICK])
    for _ in range(31):
        clock.move(minutes=15)
        assert alice.post(UPDATE, json=body).status_code == 200
    clock.move(minutes=15)
    assert alice.post(UPDATE, json=body).status_code == 401


def test_what_a_person_does_keeps_it_alive(app: Dash, alice: Client, clock: Clock) -> None:
    by_hand = callback_body(app, TICK, ["refresh-now.n_clicks"])
    clock.move(hours=7)
    assert alice.post(UPDATE, json=by_hand).status_code == 200
    clock.move(hours=7)
    assert alice.post(UPDATE, json=callback_body(app, TICK, [TICK])).status_code == 200
    clock.move(hours=1)
    assert not is_signed_in(alice)


def test_nobody_stays_signed_in_for_more_than_a_day(alice: Client, clock: Clock) -> None:
    for _ in range(23):
        clock.move(hours=1)
        assert is_signed_in(alice)
    clock.move(hours=1)
    assert not is_signed_in(alice)
