"""A platform to throw things at: no worker, nothing waits, no limit on how often."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.factories import Platform, raw_event
from tests.security.worlds import World, settings_of


@pytest.fixture
def world(
    redis_url: str, history_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    monkeypatch.setattr("cip.services.exports.WAIT_SECONDS", 0)
    monkeypatch.setattr("cip.services.insights.MAX_WAIT_SECONDS", 0)
    settings = dataclasses.replace(settings_of(redis_url, tmp_path / "home"), rate_limit_requests=0)
    made = World(Platform(redis_url, history_root), settings)
    made.populate()
    made.platform.send(raw_event(), raw_event(kind="purchase.completed"))
    return made
