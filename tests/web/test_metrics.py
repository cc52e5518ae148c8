"""`/metrics`: what monitoring reads, and who may."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import wsgi
from cip.domain.event_flow import Alarm
from cip.domain.tenants import tenant_id
from cip.settings import Settings
from cip.store import keys
from cip.store.alarms import Alarms
from cip.store.live import LiveCounters
from cip.store.processes import Processes
from tests.factories import KEYS, Platform, raw_event
from tests.web.conftest import Client

TOKEN = "of-monitoring-42"
ACME = tenant_id("acme")
Samples = dict[tuple[str, ...], float]


@pytest.fixture
def monitored(platform: Platform, settings: Settings) -> Client:
    """A client of an application whose metrics are open to the bearer of the token."""
    config = dataclasses.replace(settings, metrics_token=TOKEN)
    client: Client = wsgi.create_app(config, platform.services).server.test_client()
    return client


def scrape(client: Client) -> Samples:
    """Values by name and label values."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/plain"
    return {
        (
            sample.name,
            *(sample.labels[name] for name in ("tenant", "group") if name in sample.labels),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_scrape_tells_what_waits_by_tenant_and_group(
    monitored: Client, platform: Platform
) -> None:
    other = platform.add_tenant("zeta")
    platform.send(raw_event())
    platform.services.ingestion.accept(ACME, [raw_event() for _ in range(3)])
    platform.consumer().history_step()
    platform.client.xadd(keys.dead_letters(other), {"code": "unreadable"})
    counters = LiveCounters(platform.client, ACME)
    platform.client.hset(keys.live_meta(ACME, counters.generation()), "late", 7)
    alarm = Alarm(datetime(2026, 11, 22, tzinfo=UTC), 5, "OSError", "No space left on device")
    Alarms(platform.client, other).keep("live", alarm)
    Processes(platform.client, "ingest").beat("one")
    found = scrape(monitored)
    assert found.pop(("cip_ingest_oldest_waiting_seconds", "acme", "live")) >= 0
    assert found.pop(("cip_stream_bytes", "acme")) > 0
    rows: Any = {
        "cip_ingest_lag_events": {("acme", "live"): 3, ("acme", "history"): 0},
        "cip_ingest_oldest_waiting_seconds": {("acme", "history"): 0},
        "cip_ingest_alarm": {("zeta", "live"): 1},
        "cip_stream_length": {("acme",): 4},
        "cip_dead_letters": {("zeta",): 1},
        "cip_late_events_total": {("acme",): 7},
        "cip_redis_up": {(): 1},
        "cip_ingest_processes": {(): 1},
    }
    wanted = {(name, *labels): value for name, row in rows.items() for labels, value in row.items()}
    assert {key: value for key, value in found.items() if key in wanted} == wanted
    # Of every tenant and group, and nothing but zeros where nothing was done.
    assert {value for key, value in found.items() if key not in wanted} == {0}
    assert len(found) == 3 * 4 + 4 * 2 + 2 - 2


def test_the_documentation_lists_exactly_the_metrics(monitored: Client, project: Path) -> None:
    text = (project / "docs" / "ingest.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `cip_")]
    listed = {
        (name, tuple(re.findall(r"\w+", labels)))
        for _, names, labels, *_ in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    found = {(name, ("tenant", "group")[: len(labels)]) for name, *labels in scrape(monitored)}
    assert listed == found


def test_without_redis_it_says_so_and_invents_nothing(settings: Settings) -> None:
    config = dataclasses.replace(
        settings, metrics_token=TOKEN, given_redis_url="redis://127.0.0.1:9"
    )
    client = wsgi.create_app(config).server.test_client()
    assert scrape(client) == {("cip_redis_up",): 0}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer größer-als-erlaubt"},
        {"X-API-Key": TOKEN},
    ],
)
def test_nobody_else_is_told_anything(monitored: Client, headers: dict[str, str]) -> None:
    answer = monitored.get("/metrics", headers={"Accept": "text/html", **headers})
    assert answer.status_code == 401
    assert "cip_" not in answer.text
    assert monitored.get(f"/metrics?token={TOKEN}").status_code == 401


def test_without_a_token_there_is_no_such_page(anonymous: Client, alice: Client) -> None:
    for client in (anonymous, alice):
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {KEYS}"}):
            assert client.get("/metrics", headers=headers).status_code == 404
