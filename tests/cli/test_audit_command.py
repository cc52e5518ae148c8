"""`cip audit`: says whether each log holds, and shows its entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner, Result

from cip.auth.keyring import KeyRing
from cip.cli.main import app
from cip.store import keys
from tests.audit_logs import ACME, OTHER, event, store

Cip = Callable[..., Result]
SECRET = "a secret of these tests, long enough to be one"
RING = KeyRing(SECRET)


@pytest.fixture
def cip(redis_url: str, tmp_path: Path) -> Cip:
    environ = {
        "CIP_REDIS_URL": redis_url,
        "CIP_HOME": str(tmp_path),
        "CIP_SECRET_KEY": SECRET,
        "COLUMNS": "200",
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ("audit", *arguments), env=environ)

    for tenant in (ACME, OTHER):
        CliRunner().invoke(app, ["tenant", "create", tenant], env=environ)
    return run


@pytest.fixture
def logs(cip: Cip, redis_url: str) -> dict[str, str]:
    """The heads of three entries of acme's and one of the platform's."""
    audit = store(redis_url)
    for number in range(1, 4):
        audit.append(ACME, event(number), RING)
    audit.append(None, event(target="tenant:acme", action="tenant.created"), RING)
    return {"acme": audit.head(ACME).hash, "platform": audit.head(None).hash}


def test_every_log_is_checked_and_said_to_hold(cip: Cip, logs: dict[str, str]) -> None:
    checked = cip("verify")
    assert checked.exit_code == 0, checked.output
    found = checked.output.splitlines()
    # What the making of a tenant itself writes is not this test's business.
    assert found[0].startswith("the platform's log: ")
    assert found[0].endswith(f"head {logs['platform']}, holds")
    assert found[1].startswith("tenant acme: ")
    assert found[1].endswith(f"head {logs['acme']}, holds")
    assert found[2].startswith("tenant other: ")
    assert found[2].endswith(", holds")
    assert len(found) == 3


def test_one_log_is_checked_alone(cip: Cip, logs: dict[str, str]) -> None:
    (line,) = cip("verify", "--tenant", "acme").output.splitlines()
    assert line.startswith("tenant acme: ")
    (line,) = cip("verify", "--platform").output.splitlines()
    assert line.startswith("the platform's log: ")
    assert cip("verify", "--platform", "--tenant", "acme").exit_code == 2


@pytest.mark.usefixtures("logs")
def test_a_broken_log_is_named_and_fails_the_command(cip: Cip, redis_url: str) -> None:
    client: Any = redis.Redis.from_url(redis_url)
    newest = client.xrevrange(keys.audit(ACME), count=1)[0][0]
    count = client.xlen(keys.audit(ACME))
    client.xdel(keys.audit(ACME), newest)
    checked = cip("verify")
    assert checked.exit_code == 1
    assert (
        f"tenant acme: BROKEN after {count - 1} entries, at head: "
        f"entry {count} is missing at the end" in checked.output.splitlines()
    )
    assert "tenant other: " in checked.output
    assert cip("verify", "--tenant", "other").exit_code == 0


@pytest.mark.usefixtures("logs")
def test_the_newest_entries_are_listed_first(cip: Cip) -> None:
    listed = cip("list", "--tenant", "acme", "--limit", "2")
    assert listed.exit_code == 0, listed.output
    _, first, second = listed.output.splitlines()
    assert first.split()[1:] == [
        "2026-11-22", "14:32:13", "alice", "user.invited", "user:3", "ok", "web", "192.0.2.7",
    ]  # fmt: skip
    assert "user:2" in second
    assert "tenant.created" in cip("list", "--platform").output


def test_a_list_is_of_one_log_that_there_is(cip: Cip) -> None:
    assert cip("list", "--tenant", "acme", "--platform").exit_code == 2
    assert "no tenant demo_tenant" in cip("list").output
    unknown = cip("list", "--tenant", "nobody")
    assert unknown.exit_code == 1
    assert "no tenant nobody" in unknown.output


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    environ = {"CIP_HOME": str(tmp_path), "CIP_REDIS_URL": "redis://127.0.0.1:9"}
    refused = CliRunner().invoke(app, ["audit", "verify"], env=environ)
    assert refused.exit_code == 1
    assert "does not answer" in refused.output
