"""What all tests share: a real embedded server, a history folder, the public data where present."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cip.store import embedded
from tests.factories import Platform

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the project itself."""
    return PROJECT


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.PreparedServer]:
    """One Valkey for the whole run, on a free port, with the configuration of `cip up`."""
    with embedded.running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: embedded.PreparedServer) -> str:
    """The URL of that server, emptied."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def history_root(tmp_path: Path) -> str:
    """The root folder of a history of one's own."""
    return str(tmp_path / "history")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of the public data sets. The project does not contain them: see its README."""
    folder = Path(os.environ.get("CIP_REALDATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder} (CIP_REALDATA says where)")
    return folder


@pytest.fixture
def platform(redis_url: str, history_root: str) -> Platform:
    """Services and consumers on that server, with the tenant `acme` and a clock that stands."""
    platform = Platform(redis_url, history_root)
    platform.add_tenant()
    return platform
