"""Production does not start with a demo's settings: the real programs say why in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cip.store import embedded
from tests.factories import Platform

SECRET = "q9Xw2LpZr7VtB4nKcY8sHdJm3FgU6aEo"
GOOD = {
    "CIP_ENV": "production",
    "CIP_SECRET_KEY": SECRET,
    "CIP_TRUSTED_PROXIES": "127.0.0.1",
    "CIP_REDIS_URL": "redis://127.0.0.1:1/0",
}
FAULTS = {
    "missing secret": ({"CIP_SECRET_KEY": ""}, "CIP_SECRET_KEY must be set"),
    "short secret": ({"CIP_SECRET_KEY": SECRET[:-1]}, "CIP_SECRET_KEY must be at least 32 bytes"),
    "known secret": (
        {"CIP_SECRET_KEY": "dev-secret-key-change-in-production"},
        "CIP_SECRET_KEY must be random",
    ),
    "weak secret before": (
        {"CIP_SECRET_KEY_PREVIOUS": "0123456789" * 4},
        "CIP_SECRET_KEY_PREVIOUS must be random",
    ),
    "same secret before": (
        {"CIP_SECRET_KEY_PREVIOUS": SECRET},
        "CIP_SECRET_KEY_PREVIOUS must differ",
    ),
    "demo": ({"CIP_DEMO": "1"}, "CIP_DEMO cannot be on"),
    "demo fallback": ({"CIP_DEMO_FALLBACK": "1"}, "CIP_DEMO_FALLBACK cannot be on"),
    "no proxy": ({"CIP_TRUSTED_PROXIES": ""}, "CIP_TRUSTED_PROXIES must be set"),
}


@pytest.mark.parametrize(
    ("command", "fault"),
    [("web", fault) for fault in FAULTS] + [("up", "demo"), ("up", "no proxy")],
)
def test_production_refuses_to_start(
    project: Path, tmp_path: Path, command: str, fault: str
) -> None:
    changes, line = FAULTS[fault]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CIP_")}
    ended = subprocess.run(
        [sys.executable, "-m", "cip.cli.main", command],
        cwd=project,
        env=kept | GOOD | {"CIP_HOME": str(tmp_path / "home")} | changes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"cip: {line}")
    assert ended.stderr.count("\n") == 1
    assert SECRET[:-1] not in ended.stderr
    assert not (tmp_path / "home").exists()


def test_production_refuses_a_store_with_demo_accounts(
    project: Path, tmp_path: Path, platform: Platform
) -> None:
    platform.services.accounts.ensure_demo_users()
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CIP_")}
    own = {
        "CIP_HOME": str(tmp_path / "home"),
        "CIP_PORT": str(embedded.free_port()),
        "CIP_REDIS_URL": platform.redis_url,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "cip.cli.main", "web"],
        cwd=project,
        env=kept | GOOD | own,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "refuses a data store with demo accounts (admin, " in ended.stderr
    assert "Traceback" not in ended.stderr
