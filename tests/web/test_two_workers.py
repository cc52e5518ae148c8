"""Several workers over one Redis: what one ends, all refuse within a second."""

from __future__ import annotations

import pytest
from dash import Dash

from cip.domain.permissions import Role
from cip.domain.users import User
from cip.settings import Settings
from cip.web.requests import UPDATE
from tests.factories import Clock, Platform
from tests.web.conftest import PASSWORD, Client, sign_in
from tests.web.workers import Worker, callback_body, cookies_of, given, is_signed_in

CREDENTIALS = {"username": "alice", "password": PASSWORD}
TICK = "tick.n_intervals"


@pytest.fixture
def clock(platform: Platform) -> Clock:
    assert isinstance(platform.clock, Clock)
    return platform.clock


@pytest.fixture
def other(app: Dash, settings: Settings, clock: Clock) -> Worker:
    """Another worker over the same Redis, which has looked at the revocations already."""
    worker = Worker(settings, clock)
    worker.services.credentials._revocations.look()
    return worker


def changed(platform: Platform, username: str, **changes: object) -> None:
    def update(user: User) -> User:
        return user.model_copy(update={**changes, "epoch": user.epoch + 1})

    platform.services.accounts.users.change(username, update)


def test_signing_out_is_known_to_another_worker_within_a_second(
    alice: Client, other: Worker
) -> None:
    cookies = cookies_of(alice)
    access = {"cip_access": cookies["cip_access"]}
    assert is_signed_in(other.client(access))
    assert alice.post("/logout").status_code == 303
    assert cookies_of(alice) == {}
    other.seconds += 0.51
    assert not is_signed_in(other.client(access))
    assert not is_signed_in(other.client(cookies))
    bearer = {"Authorization": f"Bearer {cookies['cip_access']}"}
    assert other.client().get("/api/v1/insights", headers=bearer).status_code == 401


def test_signing_out_takes_the_cookies_away_also_where_the_access_cookie_had_run_out(
    alice: Client, clock: Clock
) -> None:
    clock.move(hours=1)
    cookies = given(alice.post("/logout"))
    assert {name: cookie["max-age"] for name, cookie in cookies.items()} == {
        "cip_access": "0",
        "cip_csrf": "0",
        "cip_session": "0",
    }
    assert cookies_of(alice) == {}


def test_a_page_that_signs_out_by_the_api_ends_its_session(alice: Client, other: Worker) -> None:
    cookies = cookies_of(alice)
    assert alice.post("/api/v1/auth/logout").status_code == 204
    other.seconds += 0.51
    assert not is_signed_in(other.client(cookies))
    assert not is_signed_in(other.client({"cip_session": cookies["cip_session"]}))


def test_signing_out_one_browser_leaves_the_others(app: Dash, alice: Client) -> None:
    second = sign_in(app, "alice")
    assert alice.post("/logout").status_code == 303
    assert is_signed_in(second)


@pytest.mark.parametrize("way", ["cip_access", "cip_session", "all"])
def test_a_disabled_user_is_out_on_every_worker_within_a_second(
    platform: Platform, alice: Client, other: Worker, way: str
) -> None:
    cookies = {k: v for k, v in cookies_of(alice).items() if way in ("all", k)}
    assert is_signed_in(other.client(cookies))
    changed(platform, "alice", disabled=True)
    other.seconds += 0.51
    assert not is_signed_in(other.client(cookies))
    assert other.client().post("/login", data=CREDENTIALS).status_code == 401


def test_after_a_change_of_role_the_next_request_acts_with_the_new_one(
    platform: Platform, alice: Client, other: Worker
) -> None:
    client = other.client(cookies_of(alice))
    csv = {"Accept": "text/csv"}
    query = {"period": {"last": "24h"}}
    assert client.post("/api/v1/insights/kpis", json=query, headers=csv).status_code == 200
    changed(platform, "alice", memberships={"acme": Role.VIEWER})
    other.seconds += 0.51
    refused = client.post("/api/v1/insights/kpis", json=query, headers=csv)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "forbidden")
    assert client.post("/api/v1/insights/kpis", json=query).status_code == 200
    changed(platform, "alice", memberships={"acme": Role.ADMIN})
    other.seconds += 0.51
    assert client.post("/api/v1/insights/kpis", json=query, headers=csv).status_code == 200


def test_who_loses_the_tenant_is_out(platform: Platform, alice: Client, other: Worker) -> None:
    client = other.client(cookies_of(alice))
    assert is_signed_in(client)
    changed(platform, "alice", memberships={"outside": Role.ADMIN}, home="outside")
    other.seconds += 0.51
    assert not is_signed_in(client)


def test_a_suspended_tenant_lets_nobody_in(
    platform: Platform, alice: Client, other: Worker
) -> None:
    client = other.client(cookies_of(alice))
    assert is_signed_in(client)
    platform.services.accounts.tenants.change(
        platform.principal().tenant,
        lambda one: one.model_copy(update={"suspended": True, "epoch": one.epoch + 1}),
    )
    other.seconds += 0.51
    assert not is_signed_in(client)


def test_a_changed_password_ends_the_other_sessions(
    app: Dash, platform: Platform, alice: Client, other: Worker
) -> None:
    second, third = sign_in(app, "alice"), sign_in(app, "alice")
    mine, theirs = cookies_of(alice), [cookies_of(second), cookies_of(third)]
    who = platform.services.credentials.of_access(mine["cip_access"])
    platform.services.own_account.change_password(who, PASSWORD, "an unlike pony under gravel")
    other.seconds += 0.51
    assert is_signed_in(other.client(mine))
    for cookies in theirs:
        assert not is_signed_in(other.client(cookies))
        assert not is_signed_in(other.client({"cip_access": cookies["cip_access"]}))
    assert other.client().post("/login", data=CREDENTIALS).status_code == 401


def test_a_worker_that_cannot_ask_lets_nobody_in(
    alice: Client, other: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = other.client(cookies_of(alice))
    assert is_signed_in(client)
    _cut_off(other, monkeypatch)
    other.seconds += 1.0
    assert client.get("/").status_code == 200, "what is known is a second old at most"
    other.seconds += 0.01
    for path in ("/", "/api/v1/insights"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2"), path
    tick = client.post(UPDATE, json=callback_body(other.app, TICK, [TICK]))
    assert tick.status_code == 200
    assert '"unreachable"' in tick.text
    assert "acme" not in tick.text


def _cut_off(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the worker's connections lead nowhere."""
    resources = worker.services.resources
    for client in (resources.reads, resources.writes):
        client.connection_pool.disconnect()
        client.connection_pool.reset()
        monkeypatch.setitem(client.connection_pool.connection_kwargs, "port", 1)


def test_while_the_secret_is_replaced_no_request_fails(
    alice: Client, settings: Settings, clock: Clock, redis_url: str
) -> None:
    replaced = Settings.from_env(
        {
            "CIP_HOME": str(settings.home),
            "CIP_REDIS_URL": redis_url,
            "CIP_SECRET_KEY": "the secret that comes after, of no use elsewhere: 3Wd",
            "CIP_SECRET_KEY_PREVIOUS": settings.secret_key,
        }
    )
    cookies = cookies_of(alice)
    client = Worker(replaced, clock).client(cookies)
    tick = callback_body(Worker(replaced, clock).app, TICK, [TICK])
    assert client.post(UPDATE, json=tick).status_code == 200
    assert given(client.get("/")) == {}
    clock.move(minutes=16)
    assert client.post(UPDATE, json=tick).status_code == 200
    fresh = cookies_of(client)
    assert fresh["cip_access"] != cookies["cip_access"]
    assert fresh["cip_csrf"] != cookies["cip_csrf"]
    del client.environ_base["HTTP_X_CSRF_TOKEN"]
    for proof in cookies["cip_csrf"], fresh["cip_csrf"]:
        headers = {"X-CSRF-Token": proof}
        assert client.post(UPDATE, json=tick, headers=headers).status_code == 200
    after = Settings.from_env(
        {
            "CIP_HOME": str(settings.home),
            "CIP_REDIS_URL": redis_url,
            "CIP_SECRET_KEY": replaced.secret_key,
        }
    )
    third = Worker(after, clock)
    assert is_signed_in(third.client({"cip_access": fresh["cip_access"]}))
    assert not is_signed_in(third.client({"cip_access": cookies["cip_access"]}))
