"""An application on the real server, with a signed-in browser for each role and an outsider."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import pytest
from dash import Dash

import wsgi
from cip.domain.permissions import Permission, Role
from cip.domain.tenants import tenant_id
from cip.settings import Settings
from tests.factories import KEYS, Platform

# What a test client answers is looked into freely.
Client: TypeAlias = Any
PASSWORD = "correct horse battery"


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings.from_env(
        {
            "CIP_HOME": str(tmp_path / "home"),
            "CIP_REDIS_URL": redis_url,
            "CIP_SECRET_KEY": KEYS.current,
        }
    )


@pytest.fixture
def app(platform: Platform, settings: Settings) -> Dash:
    """The application with users alice (admin), bob (viewer) of acme, and charlie of outside."""
    platform.add_tenant("outside")
    create = platform.services.accounts.create_user
    create("alice", PASSWORD, tenant_id("acme"), Role.ADMIN)
    create("bob", PASSWORD, tenant_id("acme"), Role.VIEWER)
    create("charlie", PASSWORD, tenant_id("outside"), Role.ADMIN)
    return wsgi.create_app(settings, platform.services)


@pytest.fixture
def anonymous(app: Dash) -> Client:
    client: Client = app.server.test_client()
    return client


def sign_in(app: Dash, username: str) -> Client:
    client: Client = app.server.test_client()
    answer = client.post("/login", data={"username": username, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    prove_page(client)
    return client


def prove_page(client: Client) -> None:
    """From here on the client sends what a page of ours sends along."""
    client.environ_base["HTTP_X_CSRF_TOKEN"] = client.get_cookie("cip_csrf").value


@pytest.fixture
def alice(app: Dash) -> Client:
    return sign_in(app, "alice")


@pytest.fixture
def bob(app: Dash) -> Client:
    return sign_in(app, "bob")


@pytest.fixture
def charlie(app: Dash) -> Client:
    return sign_in(app, "charlie")


@pytest.fixture
def api_key(app: Dash, platform: Platform) -> str:
    """A key of acme that may write and read."""
    scopes = frozenset({Permission.EVENTS_WRITE, Permission.ANALYTICS_VIEW})
    return platform.services.accounts.create_key(tenant_id("acme"), "test", scopes)[1]
