"""The ingest process as a whole: what it survives, and what it rather ends for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cip.domain.tenants import tenant_id
from cip.ingest.consumers import TenantConsumer
from cip.ingest.process import IngestProcess
from cip.store import keys
from cip.store.streams import EventStream
from tests.factories import Platform, raw_event
from tests.waiting import wait_until


@contextmanager
def running(platform: Platform) -> Iterator[tuple[IngestProcess, list[bool]]]:
    """The process in a thread; the list holds what its `run` answered, once it ended."""
    process = IngestProcess(platform.client, platform.history_root, platform.clock)
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(process.run()))
    thread.start()
    try:
        yield process, ended
    finally:
        process.stop()
        thread.join(30)
        assert not thread.is_alive()


def test_it_gives_up_its_leases_when_it_is_stopped(platform: Platform) -> None:
    lease = keys.ingest_lease(tenant_id("acme"))
    with running(platform) as (_, ended):
        wait_until(lambda: platform.client.exists(lease), 10, "the tenant taken")
    assert ended == [True]
    assert not platform.client.exists(lease)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_ends_rather_than_seem_alive_with_a_broken_loop(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(_: TenantConsumer) -> int:
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(TenantConsumer, "history_step", surprise)
    with running(platform) as (_, ended):
        wait_until(lambda: ended, 10, "the process ended")
    assert ended == [False]
    assert not platform.client.exists(keys.ingest_lease(tenant_id("acme")))


def test_a_tenant_whose_history_cannot_be_opened_stops_no_other(platform: Platform) -> None:
    good = platform.add_tenant("zeta")
    # A file where the folder of `acme` should be.
    blocked = platform.consumer("zeta")._table.folder.with_name("acme")
    blocked.write_text("in the way")
    platform.services.ingestion.accept(good, [raw_event()])
    with running(platform):
        stream = EventStream(platform.client, good)
        wait_until(lambda: not stream.backlog("history"), 10, "zeta stored")
        wait_until(lambda: platform.client.exists(keys.heartbeat("ingest")), 10, "the heartbeat")


def test_a_lease_that_was_lost_is_taken_again_at_once(platform: Platform) -> None:
    lease = keys.ingest_lease(tenant_id("acme"))
    with running(platform) as (process, _):
        wait_until(lambda: platform.client.exists(lease), 10, "the tenant taken")
        before = platform.client.get(lease)
        platform.client.delete(lease)
        wait_until(lambda: platform.client.get(lease) not in (None, before), 5, "taken again")
        wait_until(lambda: len(process._owned) == 1, 5)
