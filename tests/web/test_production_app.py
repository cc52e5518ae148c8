"""The application as production runs it: behind a TLS proxy, with what only TLS allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from dash import Dash

import wsgi
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.services import make_services
from cip.settings import Settings
from cip.web.requests import origin
from tests.factories import KEYS, Platform
from tests.web.conftest import PASSWORD, Client

PROXY = "127.0.0.1"
VISITOR = "203.0.113.9"
STRANGER = "198.51.100.7"
FORWARDED = {"X-Forwarded-For": VISITOR, "X-Forwarded-Proto": "https"}


@pytest.fixture
def production(platform: Platform, tmp_path: Path) -> Dash:
    environ = {
        "CIP_ENV": "production",
        "CIP_HOME": str(tmp_path / "home"),
        "CIP_REDIS_URL": platform.redis_url,
        "CIP_SECRET_KEY": KEYS.current,
        "CIP_TRUSTED_PROXIES": PROXY,
    }
    url = platform.redis_url
    services = make_services(url, url, KEYS, clock=platform.clock, origin=origin)
    services.accounts.create_user("alice", PASSWORD, tenant_id("acme"), Role.ADMIN)
    return wsgi.create_app(Settings.from_env(environ), services)


@pytest.fixture
def client(production: Dash) -> Client:
    return production.server.test_client()


def sign_in(client: Client, peer: str) -> list[str]:
    """The cookies that a sign-in sets, which comes from this peer with a proxy's headers."""
    answer = client.post(
        "/login",
        data={"username": "alice", "password": PASSWORD},
        headers=FORWARDED,
        environ_base={"REMOTE_ADDR": peer},
    )
    assert answer.status_code == 303, answer.text
    cookies: list[str] = answer.headers.getlist("Set-Cookie")
    return cookies


@pytest.mark.parametrize("path", ["/login", "/healthz", "/", "/api/v1/insights", "/nowhere"])
def test_every_answer_keeps_the_browser_on_tls(client: Client, path: str) -> None:
    answer = client.get(path, headers=FORWARDED)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_every_cookie_is_bound_to_the_host_and_to_tls(client: Client) -> None:
    cookies = sign_in(client, PROXY)
    assert len(cookies) == 3
    for cookie in cookies:
        first, *rest = cookie.split("; ")
        assert first.startswith("__Host-cip_")
        assert {"Secure", "Path=/"} <= set(rest)
        assert not any(part.startswith("Domain") for part in rest)
    assert client.get("/", headers=FORWARDED, base_url="https://localhost").status_code == 200


@pytest.mark.parametrize(("peer", "address"), [(PROXY, VISITOR), (STRANGER, STRANGER)])
def test_the_audit_log_has_the_address_that_the_proxy_saw_and_nobody_elses_word(
    client: Client, platform: Platform, peer: str, address: str
) -> None:
    sign_in(client, peer)
    (entry,) = platform.services.audit.page(tenant_id("acme"), limit=1)
    assert (entry.event.subject, entry.event.address) == ("alice", address)
