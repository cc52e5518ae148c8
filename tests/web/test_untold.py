"""What no log line and no address ever holds: passwords, tokens, cookies."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
import structlog
from dash import Dash

from cip.logs import masked
from tests.factories import Clock, Platform
from tests.web.conftest import PASSWORD, Client
from tests.web.workers import given

CREDENTIALS = {"username": "alice", "password": PASSWORD}
TICK = "tick.n_intervals"


@pytest.fixture
def clock(platform: Platform) -> Clock:
    assert isinstance(platform.clock, Clock)
    return platform.clock


def test_no_password_and_no_token_stands_in_a_log_or_in_an_address(
    app: Dash, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    addresses: list[str] = []
    told: list[str] = [PASSWORD, "another wrong password"]
    with structlog.testing.capture_logs() as lines:
        client = app.server.test_client()

        def ask(method: str, path: str, **options: Any) -> Client:
            answer = client.open(path, method=method, **options)
            addresses.extend([answer.request.url, answer.headers.get("Location", "")])
            told.extend(cookie.value for cookie in given(answer).values() if cookie.value)
            return answer

        ask("POST", "/login", data={**CREDENTIALS, "password": told[1]})
        ask("POST", "/login", data={**CREDENTIALS, "next": "/segments"})
        client.environ_base["HTTP_X_CSRF_TOKEN"] = client.get_cookie("cip_csrf").value
        ask("GET", "/segments")
        pair = ask("POST", "/api/v1/auth/token", json=CREDENTIALS).json
        told += [pair["access_token"], pair["refresh_token"]]
        again = ask("POST", "/api/v1/auth/refresh", json={"refresh_token": told[-1]}).json
        told += [again["access_token"], again["refresh_token"]]
        ask("GET", "/api/v1/insights", headers={"Authorization": f"Bearer {told[-2]}x"})
        ask("POST", "/api/v1/auth/refresh", json={"refresh_token": told[-2]})
        clock.move(minutes=20)
        ask("GET", "/")
        ask("POST", "/logout")
    assert len(set(told)) >= 10
    logged = "\n".join([caplog.text, *(repr(masked(None, "", line)) for line in lines)])
    for secret in told:
        assert secret not in logged
        assert all(secret not in address for address in addresses)
    assert not re.search(r"eyJ[\w-]{20}", logged + "".join(addresses))
