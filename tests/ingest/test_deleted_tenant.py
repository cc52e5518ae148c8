"""The ingest process lets go of a tenant that was deleted."""

from __future__ import annotations

import threading

import pytest

from cip.domain.tenants import tenant_id
from cip.ingest import process as ingest
from cip.store import keys
from cip.store.removal import TenantRemoval
from cip.store.streams import EventStream
from tests.factories import Platform, raw_event
from tests.waiting import wait_until


def test_a_deleted_tenant_is_let_go_and_its_failures_slow_no_other_down(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "LEASE_MS", 1_000)
    monkeypatch.setattr(ingest, "LEASE_ROUND_SECONDS", 0.2)
    gone, other = platform.add_tenant("gone"), tenant_id("acme")
    process = ingest.IngestProcess(platform.client, platform.history_root, platform.clock)
    thread = threading.Thread(target=process.run)
    thread.start()
    try:
        lease = keys.ingest_lease(gone)
        wait_until(lambda: platform.client.exists(lease), 10, "the tenant taken")
        failed: list[object] = []
        monkeypatch.setattr(ingest.log, "warning", lambda *_, **said: failed.append(said["step"]))
        removal = TenantRemoval(platform.client, platform.client)
        platform.client.rpush(keys.live_generation(gone), "no number")
        platform.services.ingestion.accept(gone, [raw_event()])
        # By then the loop waits for seconds from round to round.
        wait_until(lambda: failed.count("live") >= 4, 20, "steps of the tenant failed")
        removal.remove_keys(gone)
        removal.remove_tenant(gone)
        wait_until(lambda: not platform.client.exists(lease), 10, "the lease lapsed")
        stream = EventStream(platform.client, other)
        for seconds in (10, 1):
            platform.services.ingestion.accept(other, [raw_event()])
            wait_until(lambda: not stream.backlog("live"), seconds, "the other's event counted")
        assert not platform.client.exists(keys.events(gone))
    finally:
        process.stop()
        thread.join(30)
    assert not thread.is_alive()
