"""`cip tenant`, `cip user` and `cip key`: thin, and explaining what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from cip.domain.permissions import Permission

Cip = Callable[..., Result]
PASSWORD = "three small green apples\n"


@pytest.fixture
def cip(redis_url: str, tmp_path: Path) -> Cip:
    environ = {"CIP_REDIS_URL": redis_url, "CIP_HOME": str(tmp_path)}

    def run(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, env=environ, input=stdin)

    return run


def test_a_tenant_is_made_once_and_listed(cip: Cip) -> None:
    assert cip("tenant", "create", "acme", "--currency", "GBP").exit_code == 0
    listed = cip("tenant", "list").output
    assert "acme" in listed
    assert "GBP" in listed
    again = cip("tenant", "create", "acme")
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_a_bad_tenant_id_is_explained(cip: Cip) -> None:
    refused = cip("tenant", "create", "Acme!")
    assert refused.exit_code == 1
    assert "lower-case" in refused.output


def test_a_user_is_made_listed_disabled_and_let_in_again(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    made = cip(
        "user", "create", "eve", "--tenant", "acme", "--role", "analyst", "--password-stdin",
        stdin=PASSWORD,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "acme: analyst" in cip("user", "list").output
    cip("user", "disable", "eve")
    assert "disabled" in cip("user", "list").output
    cip("user", "disable", "eve", "--enable")
    assert "disabled" not in cip("user", "list").output


def test_a_weak_password_and_an_unknown_tenant_are_refused(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    create = ("user", "create", "eve", "--password-stdin", "--tenant")
    assert cip(*create, "acme", stdin="short\n").exit_code == 1
    assert cip(*create, "nobody", stdin=PASSWORD).exit_code == 1
    assert "eve" not in cip("user", "list").output


def test_a_key_is_shown_once_and_revoked(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    made = cip("key", "create", "--tenant", "acme", "--label", "shop")
    assert made.exit_code == 0, made.output
    key_id = made.output.split()[3]
    text = made.output.splitlines()[1]
    listed = cip("key", "list").output
    assert key_id in listed
    assert Permission.EVENTS_WRITE in listed
    assert text not in listed
    assert cip("key", "revoke", key_id).exit_code == 0
    assert "revoked" in cip("key", "list").output


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    environ = {"CIP_HOME": str(tmp_path)}
    refused = CliRunner().invoke(app, ["tenant", "list"], env=environ)
    assert refused.exit_code == 1
    assert "make run" in refused.output
