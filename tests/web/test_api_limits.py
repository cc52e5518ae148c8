"""How often the API may be asked: each answer says how it stands, and beyond it says when."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from dash import Dash

import wsgi
from cip.domain.permissions import Permission
from cip.domain.tenants import tenant_id
from cip.settings import Settings
from tests.factories import Platform
from tests.web.conftest import PASSWORD, Client

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
LIMIT = 3


@pytest.fixture
def limited(app: Dash, platform: Platform, settings: Settings) -> Client:
    """A client of an application that allows three requests a minute."""
    tight = dataclasses.replace(settings, rate_limit_requests=LIMIT)
    return wsgi.create_app(tight, platform.services).server.test_client()


def told(answer: Any) -> list[int]:
    return [int(answer.headers[name]) for name in HEADERS]


def send(client: Client, key: str, data: bytes = b'{"events": []}') -> Any:
    return client.post("/api/v1/events", data=data, headers={"X-API-Key": key})


def test_each_answer_says_how_it_stands_and_the_one_too_many_when(
    limited: Client, api_key: str
) -> None:
    first, bad, third, late = (
        send(limited, api_key),
        send(limited, api_key, b"{"),
        send(limited, api_key),
        send(limited, api_key),
    )
    assert [one.status_code for one in (first, bad, third, late)] == [202, 422, 202, 429]
    assert [told(one)[:2] for one in (first, bad, third, late)] == [[3, 2], [3, 1], [3, 0], [3, 0]]
    assert told(first)[2] == 20
    assert 58 <= told(late)[2] <= 60
    assert 18 <= int(late.headers["Retry-After"]) <= 20
    assert late.json["error"]["code"] == "throttled"


def test_reading_is_counted_apart_from_events(limited: Client, api_key: str) -> None:
    for _ in range(LIMIT + 1):
        last = send(limited, api_key)
    assert last.status_code == 429
    read = limited.get("/api/v1/insights", headers={"X-API-Key": api_key})
    assert (read.status_code, told(read)[:2]) == (200, [3, 2])


def test_each_key_has_its_own(limited: Client, platform: Platform, api_key: str) -> None:
    scopes = frozenset({Permission.EVENTS_WRITE})
    other = platform.services.accounts.create_key(tenant_id("acme"), "other", scopes)[1]
    for _ in range(LIMIT + 1):
        last = send(limited, api_key)
    assert last.status_code == 429
    assert told(send(limited, other))[:2] == [3, 2]


def test_all_tokens_of_a_user_share_one(limited: Client) -> None:
    def token() -> dict[str, str]:
        body = {"username": "alice", "password": PASSWORD}
        answer = limited.post("/api/v1/auth/token", json=body)
        assert answer.status_code == 200
        assert HEADERS[0] not in answer.headers
        return {"Authorization": f"Bearer {answer.json['access_token']}"}

    one, other = token(), token()
    left = [
        told(limited.get("/api/v1/insights", headers=head))[1] for head in (one, other, one, other)
    ]
    assert left == [2, 1, 0, 0]


def test_who_is_not_let_in_is_not_counted_and_takes_nothing(limited: Client, api_key: str) -> None:
    for _ in range(LIMIT + 2):
        answer = send(limited, api_key[:-1] + "x")
        assert (answer.status_code, HEADERS[0] in answer.headers) == (401, False)
    assert told(send(limited, api_key))[:2] == [3, 2]


def test_zero_is_no_limit(app: Dash, platform: Platform, settings: Settings, api_key: str) -> None:
    off = dataclasses.replace(settings, rate_limit_requests=0)
    client = wsgi.create_app(off, platform.services).server.test_client()
    answer = send(client, api_key)
    assert (answer.status_code, HEADERS[0] in answer.headers) == (202, False)


def test_a_refused_request_is_not_read(limited: Client, api_key: str) -> None:
    for _ in range(LIMIT):
        send(limited, api_key)
    assert send(limited, api_key, b"{not even json").status_code == 429


def test_the_pages_are_not_counted(limited: Client) -> None:
    for _ in range(LIMIT + 2):
        assert limited.get("/healthz").status_code == 200
