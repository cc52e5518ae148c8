"""`cip tenant`, `cip user` and `cip key`: thin, and explaining what they refuse."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from cip.domain.permissions import Permission
from tests.factories import KEYS

Cip = Callable[..., Result]
PASSWORD = "three small green apples\n"


@pytest.fixture
def cip(redis_url: str, tmp_path: Path) -> Cip:
    environ = {"CIP_REDIS_URL": redis_url, "CIP_HOME": str(tmp_path)}

    def run(*arguments: str, stdin: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(app, arguments, env={**environ, **more}, input=stdin)

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


def test_the_first_administrator_is_asked_for_a_password(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    made = cip(
        "user", "create", "root", "--tenant", "acme", "--role", "admin", "--super-admin",
        stdin=PASSWORD + PASSWORD,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "super admin of the platform" in made.output
    assert PASSWORD.strip() not in made.output
    assert "super admin; acme: admin" in cip("user", "list").output


def test_an_invitation_is_a_link_whose_secret_stands_in_the_fragment(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    invited = cip("user", "invite", "eve", "--tenant", "acme", "--role", "admin", "--name", "Eve")
    assert invited.exit_code == 0, invited.output
    link = invited.output.splitlines()[-1]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/join#[\w-]{43}\.eve", link)
    assert "invited" in cip("user", "list", "--tenant", "acme").output
    again = cip("user", "invite", "eve", "--tenant", "acme", "--renew")
    assert again.output.splitlines()[-1] != link
    assert cip("user", "invite", "eve", "--tenant", "acme").exit_code == 1
    assert cip("user", "invite", "zoe", "--tenant", "nowhere").exit_code == 1
    assert "zoe" not in cip("user", "list").output


def test_the_link_of_an_invitation_begins_with_the_address_that_people_know(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    cip("user", "invite", "eve", "--tenant", "acme")

    def link(**environ: str) -> str:
        renewed = cip("user", "invite", "eve", "--tenant", "acme", "--renew", **environ)
        assert renewed.exit_code == 0, renewed.output
        return renewed.output.splitlines()[-1]

    code = r"/join#[\w-]{43}\.eve"
    production = {
        "CIP_ENV": "production",
        "CIP_SECRET_KEY": KEYS.current,
        "CIP_TRUSTED_PROXIES": "127.0.0.1",
    }
    known = {"CIP_PUBLIC_URL": "https://cip.example.com/"}
    assert re.fullmatch(rf"http://127\.0\.0\.1:8050{code}", link())
    assert re.fullmatch(rf"https://cip\.example\.com{code}", link(**known))
    assert re.fullmatch(rf"https://cip\.example\.com{code}", link(**known, **production))
    assert re.fullmatch(rf"{code}, behind the platform's own address", link(**production))


def test_commands_about_one_tenant_mean_the_default_tenant_unless_told(cip: Cip) -> None:
    for name in ("acme", "other"):
        cip("tenant", "create", name)
    commands = (
        ("user", "create", "eve", "--password-stdin"),
        ("user", "invite", "bob"),
        ("key", "create", "--label", "shop"),
    )
    for command in commands:
        done = cip(*command, stdin=PASSWORD, CIP_DEFAULT_TENANT="acme")
        assert done.exit_code == 0, done.output
    members = cip("user", "list", "--tenant", "acme").output
    assert "eve" in members
    assert "bob" in members
    assert "shop" in cip("key", "list", "--tenant", "acme").output
    assert "shop" not in cip("key", "list", "--tenant", "other").output
    logged = cip("audit", "list", CIP_DEFAULT_TENANT="acme").output
    assert "user.invited" in logged
    assert "user.invited" not in cip("audit", "list", CIP_DEFAULT_TENANT="other").output
    assert "no tenant demo_tenant" in cip("user", "invite", "zoe").output


def test_roles_passwords_and_super_admins_change(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    cip("user", "create", "eve", "--tenant", "acme", "--password-stdin", stdin=PASSWORD)
    assert cip("user", "role", "eve", "admin", "--tenant", "acme").exit_code == 0
    assert "acme: admin" in cip("user", "list").output
    refused = cip("user", "role", "eve", "viewer", "--tenant", "acme")
    assert refused.exit_code == 1
    assert "eve is the last administrator" in refused.output
    assert cip("user", "super-admin", "eve").exit_code == 0
    assert "super admin" in cip("user", "list").output
    assert cip("user", "super-admin", "eve", "--revoke").exit_code == 0
    assert "super admin" not in cip("user", "list").output
    short = cip("user", "password", "eve", "--password-stdin", stdin="short\n")
    assert short.exit_code == 1
    changed = cip("user", "password", "eve", "--password-stdin", stdin="x" + PASSWORD)
    assert changed.exit_code == 0, changed.output
    cip("user", "disable", "eve")
    assert "disabled" in cip("user", "list").output
    assert cip("user", "enable", "eve").exit_code == 0
    assert "disabled" not in cip("user", "list").output


def test_a_tenant_is_changed_suspended_resumed_and_deleted(cip: Cip) -> None:
    for name in ("acme", "other"):
        cip("tenant", "create", name)
    changed = cip("tenant", "change", "acme", "--currency", "GBP", "--retention-days", "90")
    assert changed.exit_code == 0, changed.output
    assert "GBP" in cip("tenant", "list").output
    assert cip("tenant", "change", "acme").exit_code == 1
    bad = cip("tenant", "change", "acme", "--timezone", "Mars/Olympus")
    assert bad.exit_code == 1
    assert "IANA" in bad.output
    assert "Suspend acme first" in cip("tenant", "delete", "acme", "--confirm", "acme").output
    assert cip("tenant", "suspend", "acme").exit_code == 0
    assert "suspended" in cip("tenant", "list").output
    assert cip("tenant", "resume", "acme").exit_code == 0
    assert "suspended" not in cip("tenant", "list").output
    cip("tenant", "suspend", "acme")
    assert cip("tenant", "delete", "acme", stdin="other\n").exit_code == 1
    deleted = cip("tenant", "delete", "acme", stdin="acme\n")
    assert deleted.exit_code == 0, deleted.output
    assert "acme" not in cip("tenant", "list").output


def test_what_commands_do_is_on_record_under_the_name_of_the_machines_account(cip: Cip) -> None:
    cip("tenant", "create", "acme")
    cip("user", "create", "eve", "--tenant", "acme", "--password-stdin", stdin=PASSWORD)
    cip("key", "create", "--tenant", "acme", "--label", "shop")
    account = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    platform = cip("audit", "list", "--platform").output
    assert "tenant.created" in platform
    listed = cip("audit", "list", "--tenant", "acme").output
    for action in ("user.created", "key.created"):
        (line,) = [line for line in listed.splitlines() if action in line]
        assert account in line
        assert line.rstrip().endswith("cli")


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    environ = {"CIP_HOME": str(tmp_path)}
    refused = CliRunner().invoke(app, ["tenant", "list"], env=environ)
    assert refused.exit_code == 1
    assert "make run" in refused.output
