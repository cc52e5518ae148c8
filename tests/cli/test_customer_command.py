"""`cip customer`: erases, waits, lists, shows receipts, and erases again after a restore."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from tests.factories import Platform, raw_event

Cip = Callable[..., Result]


@pytest.fixture
def platform(redis_url: str, tmp_path: Path) -> Platform:
    """Its history is where the command looks for it."""
    platform = Platform(redis_url, str(tmp_path / "history"))
    platform.add_tenant()
    platform.send(raw_event(customer="c1"), raw_event(customer="c2"))
    return platform


@pytest.fixture
def cip(platform: Platform, tmp_path: Path) -> Cip:
    environ = {
        "CIP_REDIS_URL": platform.redis_url,
        "CIP_HOME": str(tmp_path),
        "CIP_HISTORY_URL": platform.history_root,
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ("customer", *arguments), env=environ)

    return run


def erasure_id(result: Result) -> str:
    return str(result.output).split()[1].rstrip(":")


def test_an_erasure_is_listed_and_has_a_receipt(cip: Cip) -> None:
    made = cip("erase", "c1", "--tenant", "acme", "--wait")
    assert made.exit_code == 0, made.output
    assert ": erased" in made.output
    assert "found afterwards in history: 0" in made.output
    listed = cip("erasures", "--tenant", "acme").output
    assert erasure_id(made) in listed
    assert f"cli:{os.environ.get('USER', 'root')}" in listed
    shown = cip("receipt", erasure_id(made), "--tenant", "acme")
    assert shown.output in made.output
    for output in (made.output, listed, shown.output):
        assert "c1" not in output.split()


def test_without_waiting_a_job_does_it(cip: Cip) -> None:
    made = cip("erase", "c1", "--tenant", "acme")
    assert made.exit_code == 0, made.output
    assert ": requested" in cip("receipt", erasure_id(made), "--tenant", "acme").output


def test_what_is_not_there_is_explained(cip: Cip) -> None:
    assert cip("erase", "c1", "--tenant", "nobody").exit_code == 1
    assert cip("receipt", "none", "--tenant", "acme").exit_code == 1
    assert cip("erase", "", "--tenant", "acme").exit_code == 1


def test_after_a_restore_of_the_history_it_is_done_again(
    cip: Cip, platform: Platform, tmp_path: Path
) -> None:
    assert "nobody was ever erased" in cip("reapply-erasures").output
    folder = tmp_path / "history" / "acme"
    shutil.copytree(folder, tmp_path / "backup")
    assert cip("erase", "c1", "--tenant", "acme", "--wait").exit_code == 0
    shutil.rmtree(folder / "events")
    shutil.copytree(tmp_path / "backup" / "events", folder / "events")
    again = cip("reapply-erasures", "--tenant", "acme")
    assert again.exit_code == 0, again.output
    assert "1 tombstones applied again" in again.output
    assert "history 1 (files written anew: 1)" in again.output
