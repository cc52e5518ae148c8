"""Several ingest processes: each holds its share of the tenants, and takes over a dead one's."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.processes import Processes
from cip.store.streams import EventStream
from tests.factories import Platform, raw_event
from tests.ingest.test_process import running
from tests.waiting import wait_until

NAMES = ("acme", "beta", "gamma", "zeta")


@pytest.fixture
def tenants(platform: Platform) -> list[TenantId]:
    return [platform.add_tenant(name) for name in NAMES]


@contextlib.contextmanager
def spawned(platform: Platform, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`cip ingest` as a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CIP_")}
    environ |= {
        "CIP_REDIS_URL": platform.redis_url,
        "CIP_HISTORY_URL": platform.history_root,
        "CIP_HOME": str(home),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "cip.cli.main", "ingest"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def events_reach_the_history(platform: Platform, tenants: list[TenantId]) -> None:
    for tenant in tenants:
        platform.services.ingestion.accept(tenant, [raw_event()])
    streams = [EventStream(platform.client, tenant) for tenant in tenants]
    wait_until(
        lambda: (
            not any(stream.backlog(group) for stream in streams for group in ("live", "history"))
        ),
        20,
        "everything consumed",
    )


def test_two_share_the_tenants_and_one_that_is_left_takes_all(
    platform: Platform, tenants: list[TenantId], tmp_path: Path
) -> None:
    processes = Processes(platform.client, "ingest")
    with running(platform) as (mine, _):
        wait_until(lambda: len(mine._owned) == 4, 10, "all of them while alone")
        with spawned(platform, tmp_path / "one") as rival:
            wait_until(lambda: len(mine._owned) == 2, 30, "half of them handed over")
            theirs = [keys.ingest_lease(name) for name in tenants if name not in mine._owned]
            wait_until(lambda: platform.client.exists(*theirs) == 2, 10, "taken by the other")
            assert processes.count() == 2
            events_reach_the_history(platform, tenants)
            assert len(mine._owned) == 2, "and it stays like that"
            rival.send_signal(signal.SIGKILL)
            # Its leases lapse after six seconds; a round later they are taken.
            wait_until(lambda: len(mine._owned) == 4, 6 + 2 * 1.5 + 2, "the dead one's taken over")
        events_reach_the_history(platform, tenants)
        assert processes.count() == 1


def test_one_that_is_stopped_hands_over_at_once(
    platform: Platform, tenants: list[TenantId], tmp_path: Path
) -> None:
    with running(platform) as (mine, _):
        with spawned(platform, tmp_path / "one") as rival:
            wait_until(lambda: len(mine._owned) == 2, 30, "half of them handed over")
            theirs = [keys.ingest_lease(name) for name in tenants if name not in mine._owned]
            wait_until(lambda: platform.client.exists(*theirs) == 2, 10, "taken by the other")
            rival.send_signal(signal.SIGTERM)
            assert rival.wait(10) == 0
            wait_until(lambda: len(mine._owned) == 4, 3, "its tenants taken")
        events_reach_the_history(platform, tenants)


def test_a_tenant_more_than_can_be_shared_evenly_is_somebodys(
    platform: Platform, tenants: list[TenantId]
) -> None:
    third = platform.add_tenant("omega")
    with running(platform) as (one, _), running(platform) as (two, _):
        wait_until(lambda: sorted((len(one._owned), len(two._owned))) == [2, 3], 15, "spread")
        assert {*one._owned, *two._owned} == {*tenants, third}
        events_reach_the_history(platform, [*tenants, third])


def test_a_process_that_is_silent_is_not_counted(platform: Platform) -> None:
    processes = Processes(platform.client, "ingest")
    assert processes.beat("one") == 1
    assert processes.beat("one") == 1
    assert processes.beat("two") == 2
    assert processes.beat("short", life_ms=1) >= 1
    wait_until(lambda: processes.beat("short", life_ms=1) == 1, 5, "the silent ones forgotten")
    processes.leave("short")
    assert processes.count() == 0
