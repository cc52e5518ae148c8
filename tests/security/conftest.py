"""The two tenants that every test of this folder plays off against each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories import Platform
from tests.security.worlds import World, settings_of


@pytest.fixture
def world(
    redis_url: str, history_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Both tenants, empty, with somebody in every role. No worker runs."""
    monkeypatch.setattr("cip.services.exports.WAIT_SECONDS", 0)
    made = World(Platform(redis_url, history_root), settings_of(redis_url, tmp_path / "home"))
    made.populate()
    return made
