"""`cip doctor`: its exit status says whether something is wrong, its lines say what."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from cip.auth.keyring import KeyRing
from cip.cli.main import app
from tests.audit_logs import RING, event, store


def doctor(**environ: str) -> Result:
    return CliRunner().invoke(app, ["doctor"], env=environ)


def test_a_sound_installation_passes(redis_url: str, tmp_path: Path) -> None:
    result = doctor(CIP_REDIS_URL=redis_url, CIP_HOME=str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.output
    assert "Valkey 9" in result.output
    assert "appendonly yes, appendfsync always" in result.output


def test_a_server_that_evicts_fails(redis_url: str, tmp_path: Path) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            result = doctor(CIP_REDIS_URL=redis_url, CIP_HOME=str(tmp_path))
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert result.exit_code == 1
    assert "maxmemory-policy allkeys-lru" in result.output


def test_a_server_that_is_away_fails(tmp_path: Path) -> None:
    # Port 1 is nobody's on a machine that runs tests.
    result = doctor(CIP_REDIS_URL="redis://127.0.0.1:1", CIP_HOME=str(tmp_path))
    assert result.exit_code == 1


def test_a_history_that_cannot_be_written_fails(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "history").write_text("a file in the way")
    result = doctor(CIP_REDIS_URL=redis_url, CIP_HOME=str(tmp_path))
    assert result.exit_code == 1
    assert "history" in result.output


def test_a_log_that_only_the_secret_before_seals_is_noted(redis_url: str, tmp_path: Path) -> None:
    new = "Zt5RbN0eWk8yQ1uVhP3sXc7LdGm2JfTa"
    environ = {"CIP_REDIS_URL": redis_url, "CIP_HOME": str(tmp_path)}
    exchanged = {**environ, "CIP_SECRET_KEY": new, "CIP_SECRET_KEY_PREVIOUS": RING.current}
    store(redis_url).append(None, event(), RING)
    result = doctor(**exchanged)
    assert result.exit_code == 0, result.output
    assert (
        "note audit      sealed by another secret than the current one: the platform's. Keep"
        in (result.output)
    )
    store(redis_url).append(None, event(), KeyRing(new, RING.current))
    assert "ok   audit      1 logs, each sealed by the current secret" in doctor(**exchanged).output


@pytest.mark.parametrize("command", ["doctor", "up", "web", "ingest", "jobs"])
def test_every_command_names_the_variable_that_is_wrong(command: str) -> None:
    result = CliRunner().invoke(app, [command], env={"CIP_PORT": "many"})
    assert result.exit_code == 1
    assert "CIP_PORT" in result.output
