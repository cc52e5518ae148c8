"""Tokens of programs over HTTP: signing in, the next pair, and leaving."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from dash import Dash

from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.domain.users import User
from cip.settings import Settings
from tests.factories import Clock, Platform
from tests.web.conftest import PASSWORD, Client
from tests.web.workers import Worker

AUTH = "/api/v1/auth"
CREDENTIALS = {"username": "alice", "password": PASSWORD}
PAIR = {"access_token", "refresh_token", "token_type", "expires_in", "tenant"}


@pytest.fixture
def clock(platform: Platform) -> Clock:
    assert isinstance(platform.clock, Clock)
    return platform.clock


@pytest.fixture
def other(app: Dash, settings: Settings, clock: Clock) -> Worker:
    return Worker(settings, clock)


def token(client: Client, **changes: Any) -> Client:
    return client.post(f"{AUTH}/token", json={**CREDENTIALS, **changes})


def refresh(client: Client, refresh_token: str) -> Client:
    return client.post(f"{AUTH}/refresh", json={"refresh_token": refresh_token})


def insights(client: Client, access_token: str) -> int:
    headers = {"Authorization": f"Bearer {access_token}"}
    return int(client.get("/api/v1/insights", headers=headers).status_code)


def code(answer: Client) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def change(platform: Platform, **changes: object) -> None:
    def update(user: User) -> User:
        return user.model_copy(update={**changes, "epoch": user.epoch + 1})

    platform.services.accounts.users.change("alice", update)


def test_a_pair_says_what_it_is(anonymous: Client) -> None:
    pair = token(anonymous).json
    assert pair.keys() == PAIR
    assert (pair["token_type"], pair["expires_in"], pair["tenant"]) == ("Bearer", 900, "acme")
    assert insights(anonymous, pair["access_token"]) == 200
    following = refresh(anonymous, pair["refresh_token"])
    assert (following.status_code, following.json.keys()) == (200, PAIR)
    assert following.json["tenant"] == "acme"
    assert insights(anonymous, following.json["access_token"]) == 200
    assert not anonymous.get_cookie("cip_session"), "a program gets no cookie"


def test_a_refresh_token_is_no_access_token_nor_the_other_way_round(anonymous: Client) -> None:
    pair = token(anonymous).json
    assert insights(anonymous, pair["refresh_token"]) == 401
    assert code(refresh(anonymous, pair["access_token"])) == (401, "unauthenticated")
    assert refresh(anonymous, pair["refresh_token"]).status_code == 200, "nothing was spent"


def test_neither_kind_is_an_api_key_nor_a_key_a_token(anonymous: Client, api_key: str) -> None:
    pair = token(anonymous).json
    for _ in range(2):  # the second time with what the first one left behind
        assert insights(anonymous, pair["access_token"]) == 200
        for text in pair["access_token"], pair["refresh_token"]:
            headers = {"X-API-Key": text}
            assert anonymous.get("/api/v1/insights", headers=headers).status_code == 401
        headers = {"X-API-Key": api_key}
        assert anonymous.get("/api/v1/insights", headers=headers).status_code == 200
        assert insights(anonymous, api_key) == 401


@pytest.mark.parametrize("text", ["x", "a.b.c", "é", "x" * 4_096])
def test_nonsense_is_no_refresh_token(anonymous: Client, text: str) -> None:
    assert code(refresh(anonymous, text)) == (401, "unauthenticated")


def test_access_lives_for_fifteen_minutes_and_refresh_for_seven_days(
    anonymous: Client, clock: Clock
) -> None:
    pair = token(anonymous).json
    clock.move(minutes=15, seconds=29)
    assert insights(anonymous, pair["access_token"]) == 200
    clock.move(seconds=1)
    assert insights(anonymous, pair["access_token"]) == 401
    clock.move(days=6, hours=23)
    following = refresh(anonymous, pair["refresh_token"])
    assert following.status_code == 200
    clock.move(days=7, seconds=30)
    late = refresh(anonymous, following.json["refresh_token"])
    assert code(late) == (401, "unauthenticated")


def test_of_twenty_uses_at_once_one_gets_the_next_pair(app: Dash, clock: Clock) -> None:
    def use(text: str, together: Barrier) -> tuple[int, str | None]:
        client = app.server.test_client()
        together.wait(20)
        answer = refresh(client, text)
        return answer.status_code, answer.json.get("refresh_token")

    text = token(app.server.test_client()).json["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        for turn in range(10):
            together = Barrier(20)
            answers = [pool.submit(use, text, together) for _ in range(20)]
            statuses = Counter(answer.result(30)[0] for answer in answers)
            assert statuses == {200: 1, 409: 19}, turn
            (text,) = (
                new for status, new in (a.result() for a in answers) if status == 200 and new
            )
            clock.move(seconds=1)


def test_a_reuse_soon_after_is_a_conflict_and_ends_nothing(anonymous: Client, clock: Clock) -> None:
    pair = token(anonymous).json
    following = refresh(anonymous, pair["refresh_token"]).json
    clock.move(seconds=9.9)
    assert code(refresh(anonymous, pair["refresh_token"])) == (409, "token_spent")
    assert refresh(anonymous, following["refresh_token"]).status_code == 200


def test_a_later_reuse_ends_all_that_came_of_that_sign_in_and_is_on_record(
    anonymous: Client, clock: Clock, platform: Platform, other: Worker
) -> None:
    pair, untouched = token(anonymous).json, token(anonymous).json
    following = refresh(anonymous, pair["refresh_token"]).json
    assert insights(other.client(), following["access_token"]) == 200
    clock.move(seconds=10)
    assert code(refresh(anonymous, pair["refresh_token"])) == (401, "unauthenticated")
    assert code(refresh(anonymous, following["refresh_token"])) == (401, "unauthenticated")
    other.seconds += 0.51
    for text in pair["access_token"], following["access_token"]:
        assert insights(other.client(), text) == 401
    assert insights(other.client(), untouched["access_token"]) == 200
    newest = platform.services.audit.page(tenant_id("acme"), limit=1)[0].event
    assert (newest.action, newest.subject, newest.outcome) == ("token.reused", "alice", "refused")


def test_leaving_ends_the_pair_on_every_worker_within_a_second(
    anonymous: Client, other: Worker
) -> None:
    pair, untouched = token(anonymous).json, token(anonymous).json
    assert insights(other.client(), pair["access_token"]) == 200
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    answer = anonymous.post(f"{AUTH}/logout", headers=headers)
    assert (answer.status_code, answer.data) == (204, b"")
    other.seconds += 0.51
    assert insights(other.client(), pair["access_token"]) == 401
    assert code(refresh(other.client(), pair["refresh_token"])) == (401, "unauthenticated")
    assert insights(other.client(), untouched["access_token"]) == 200


def test_a_stranger_and_a_key_cannot_leave(anonymous: Client, api_key: str) -> None:
    assert code(anonymous.post(f"{AUTH}/logout")) == (401, "unauthenticated")
    answer = anonymous.post(f"{AUTH}/logout", headers={"X-API-Key": api_key})
    assert code(answer) == (403, "forbidden")


@pytest.mark.parametrize(
    "changes", [{"disabled": True}, {"memberships": {}}, {"refresh_epochs": {"": 1}},
                {"refresh_epochs": {"acme": 1}}],
)  # fmt: skip
def test_a_changed_user_signs_in_anew(
    anonymous: Client, platform: Platform, other: Worker, changes: dict[str, object]
) -> None:
    pair = token(anonymous).json
    assert insights(other.client(), pair["access_token"]) == 200
    change(platform, **changes)
    other.seconds += 0.51
    assert insights(other.client(), pair["access_token"]) == 401
    assert code(refresh(other.client(), pair["refresh_token"])) == (401, "unauthenticated")


def test_a_new_role_is_what_the_next_pair_has(
    anonymous: Client, platform: Platform, other: Worker
) -> None:
    pair = token(anonymous).json
    change(platform, memberships={"acme": Role.VIEWER})
    other.seconds += 0.51
    assert insights(other.client(), pair["access_token"]) == 401
    renewed = refresh(other.client(), pair["refresh_token"]).json
    assert insights(other.client(), renewed["access_token"]) == 200
    bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
    answer = other.client().post("/api/v1/events", json={"events": []}, headers=bearer)
    assert code(answer) == (403, "forbidden")


def test_what_ends_in_one_tenant_goes_on_in_another(
    anonymous: Client, platform: Platform, other: Worker
) -> None:
    change(platform, memberships={"acme": Role.ADMIN, "outside": Role.VIEWER})
    pair = token(anonymous, tenant="outside").json
    change(platform, refresh_epochs={"acme": 1})
    other.seconds += 0.51
    assert refresh(other.client(), pair["refresh_token"]).status_code == 200


def test_a_user_of_two_tenants_chooses_one(anonymous: Client, platform: Platform) -> None:
    change(platform, memberships={"acme": Role.ADMIN, "outside": Role.VIEWER})
    for wanted, got in ((None, "acme"), ("acme", "acme"), ("outside", "outside")):
        pair = token(anonymous, tenant=wanted).json
        assert pair["tenant"] == got
        following = refresh(anonymous, pair["refresh_token"]).json
        assert following["tenant"] == got
        headers = {"Authorization": f"Bearer {following['access_token']}"}
        query = {"period": {"last": "24h"}}
        answer = anonymous.post("/api/v1/insights/kpis", json=query, headers=headers)
        assert answer.json["envelope"]["tenant"] == got


@pytest.mark.parametrize("wanted", ["outside", "nowhere"])
def test_a_tenant_of_others_and_one_that_does_not_exist_are_refused_alike(
    anonymous: Client, wanted: str
) -> None:
    answer = token(anonymous, tenant=wanted)
    assert code(answer) == (401, "unauthenticated")
    assert answer.json["error"]["message"] == "The user name or the password is not right."


def test_a_suspended_tenant_says_so_to_its_own_people(
    anonymous: Client, platform: Platform
) -> None:
    pair = token(anonymous).json
    platform.services.accounts.tenants.change(
        tenant_id("acme"),
        lambda one: one.model_copy(update={"suspended": True, "epoch": one.epoch + 1}),
    )
    assert code(token(anonymous)) == (401, "tenant_suspended")
    assert code(refresh(anonymous, pair["refresh_token"])) == (401, "tenant_suspended")


@pytest.mark.parametrize("path", ["token", "refresh"])
@pytest.mark.parametrize(
    ("body", "refusal", "field"),
    [
        ({"role": "admin"}, "unknown_field", "role"),
        ({"sub": "root"}, "unknown_field", "sub"),
        ({"": 1}, "unknown_field", ""),
    ],
)
def test_an_unknown_field_is_refused(
    anonymous: Client, path: str, body: dict[str, Any], refusal: str, field: str
) -> None:
    good = CREDENTIALS if path == "token" else {"refresh_token": "x"}
    answer = anonymous.post(f"{AUTH}/{path}", json={**good, **body})
    assert code(answer) == (422, refusal)
    assert answer.json["error"]["field"] == field


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("token", {}, "username"),
        ("token", {"username": "alice"}, "password"),
        ("token", {"username": 5, "password": "x"}, "username"),
        ("token", {"username": "", "password": "x"}, "username"),
        ("token", {"username": "alice", "password": ["x"]}, "password"),
        ("token", {"username": "a" * 257, "password": "x"}, "username"),
        ("token", {**CREDENTIALS, "tenant": 5}, "tenant"),
        ("token", {**CREDENTIALS, "tenant": "{x}"}, "tenant"),
        ("refresh", {}, "refresh_token"),
        ("refresh", {"refresh_token": None}, "refresh_token"),
        ("refresh", {"refresh_token": "x" * 4_097}, "refresh_token"),
        ("refresh", {"refresh_token": "x", "tenant": "outside"}, "tenant"),
    ],
)
def test_a_field_of_another_form_is_named(
    anonymous: Client, path: str, body: dict[str, Any], field: str
) -> None:
    answer = anonymous.post(f"{AUTH}/{path}", json=body)
    assert (answer.status_code, answer.json["error"]["field"]) == (422, field)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"username": NaN}'])
@pytest.mark.parametrize("path", ["token", "refresh"])
def test_a_body_that_is_no_object_is_refused(anonymous: Client, path: str, body: bytes) -> None:
    answer = anonymous.post(f"{AUTH}/{path}", data=body, content_type="application/json")
    assert answer.status_code == 422


def test_every_refused_sign_in_reads_the_same(anonymous: Client, platform: Platform) -> None:
    platform.services.accounts.users.change(
        "bob", lambda user: user.model_copy(update={"disabled": True})
    )
    answers = [
        token(anonymous, username=name, password=password)
        for name, password in (
            ("alice", "wrong"),
            ("bob", PASSWORD),
            ("nobody", PASSWORD),
            ("nöbody", PASSWORD),
            ("{x}", PASSWORD),
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    said = [{**answer.json["error"], "request_id": ""} for answer in answers]
    assert len({json.dumps(one, sort_keys=True) for one in said}) == 1
    assert {tuple(sorted(answer.headers.keys())) for answer in answers} == {
        tuple(sorted(answers[0].headers.keys()))
    }


def test_the_eleventh_try_gets_429_on_the_page_and_by_the_api(app: Dash, anonymous: Client) -> None:
    for _ in range(5):
        assert token(anonymous, password="wrong").status_code == 401
        wrong = {"username": "alice", "password": "wrong"}
        assert anonymous.post("/login", data=wrong).status_code == 401
    by_api = token(anonymous)
    assert code(by_api) == (429, "throttled")
    on_page = anonymous.post("/login", data=CREDENTIALS)
    assert on_page.status_code == 429
    assert "Too many tries" in on_page.text
    for answer in by_api, on_page:
        assert 0 < int(answer.headers["Retry-After"]) <= 300
        assert "Set-Cookie" not in answer.headers
    assert token(anonymous, username="bob").status_code == 200, "nobody else is held up"


def test_without_redis_no_token_is_given_or_taken(app: Dash, settings: Settings) -> None:
    pair = token(app.server.test_client()).json
    dead = Settings.from_env(
        {
            "CIP_HOME": str(settings.home),
            "CIP_REDIS_URL": "redis://127.0.0.1:1",
            "CIP_SECRET_KEY": settings.secret_key,
        }
    )
    worker = Worker(dead, Clock())
    client = worker.client()
    assert insights(client, pair["access_token"]) == 503
    for answer in (
        token(client),
        refresh(client, pair["refresh_token"]),
        client.post(f"{AUTH}/logout", headers={"Authorization": f"Bearer {pair['access_token']}"}),
    ):
        assert code(answer) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
