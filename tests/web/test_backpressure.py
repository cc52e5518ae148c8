"""Events are refused before there is no room for them: 429 or 503, with a time to come again."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from dash import Dash

import wsgi
from cip.domain.backpressure import Limits
from cip.domain.permissions import Permission
from cip.domain.tenants import tenant_id
from cip.services import make_services
from cip.services.backpressure import SLOTS, Slots
from cip.settings import Settings
from cip.store import embedded, keys
from tests.factories import KEYS, Platform, raw_event
from tests.waiting import wait_until
from tests.web.conftest import Client

ACME, OUTSIDE = tenant_id("acme"), tenant_id("outside")
EVENTS = "/api/v1/events"
SCOPES = frozenset({Permission.EVENTS_WRITE, Permission.ANALYTICS_VIEW})


@dataclass
class Door:
    """An application with a strict gate. `seconds` is its own idea of time passing."""

    platform: Platform
    app: Dash
    services: Any
    seconds: float = 1_000.0

    def send(self, tenant: str = "acme", number: int = 1, **changes: Any) -> Client:
        """Half a second later than the request before, so that what changed meanwhile is known."""
        self.seconds += 0.6
        key = self.services.accounts.create_key(tenant_id(tenant), "test", SCOPES)[1]
        events = [raw_event(**changes) for _ in range(number)]
        client: Client = self.app.server.test_client()
        return client.post(EVENTS, json={"events": events}, headers={"X-API-Key": key})


def make_door(platform: Platform, settings: Settings) -> Door:
    services = make_services(
        platform.redis_url,
        platform.redis_url,
        KEYS,
        version_seconds=0,
        clock=platform.clock,
        limits=Limits(lag_events=5, free_disk_bytes=1_000_000),
    )
    door = Door(platform, wsgi.create_app(settings, services), services)
    services.gate._pressure._clock = lambda: door.seconds
    return door


@pytest.fixture
def door(app: Dash, platform: Platform, settings: Settings) -> Door:
    return make_door(platform, settings)


def consume(platform: Platform, name: str = "acme") -> None:
    consumer = platform.consumer(name)
    while consumer.live_step() or consumer.history_step():
        pass


def refused(answer: Client, status: int, seconds: int | range) -> bool:
    """Whether the answer is this refusal, in our form."""
    assert answer.status_code == status, answer.text
    error = answer.json["error"]
    assert error["code"] == {429: "throttled", 503: "unavailable"}[status]
    assert error["message"]
    assert error["request_id"]
    allowed = seconds if isinstance(seconds, range) else (seconds,)
    return int(answer.headers["Retry-After"]) in allowed


def test_past_the_lag_that_tenant_waits_until_its_events_are_consumed(door: Door) -> None:
    consume(door.platform)
    assert door.send(number=5).status_code == 202
    assert door.send(number=1).status_code == 202, "as many as the limit may wait"
    assert refused(door.send(), 429, 60)
    assert door.send("outside").status_code == 202
    consume(door.platform)
    assert door.send().status_code == 202
    assert door.platform.client.xlen(keys.events(ACME)) == 7, "nothing of the refused one"


def test_too_little_disk_is_everybodys(door: Door) -> None:
    volumes = [{"free": 10**9, "total": 10**10}, {"free": 999_999, "total": 10**10}]
    door.platform.client.set(keys.STORAGE, orjson.dumps(volumes))
    for tenant in ("acme", "outside"):
        assert refused(door.send(tenant), 503, 60)
    volumes[1]["free"] += 1
    door.platform.client.set(keys.STORAGE, orjson.dumps(volumes))
    assert door.send().status_code == 202


@contextmanager
def every_slot_taken(slots: Slots) -> Iterator[None]:
    """By a tenant of its own each."""
    with ExitStack() as held:
        for number in range(SLOTS):
            held.enter_context(slots.take(tenant_id(f"tenant{number}")))
        yield


def test_while_every_slot_is_taken_a_request_is_refused_unread(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = door.services.gate._slots
    monkeypatch.setattr(slots, "_patience", 0)
    with every_slot_taken(slots):
        assert refused(door.send(), 429, range(1, 4))
        key = door.services.accounts.create_key(ACME, "test", SCOPES)[1]
        client: Client = door.app.server.test_client()
        nonsense = client.post(EVENTS, data=b"no JSON", headers={"X-API-Key": key})
        assert refused(nonsense, 429, range(1, 4))
        stranger = client.post(EVENTS, json={"events": []})
        assert stranger.status_code == 401, "who is not let in takes part in nothing"
    assert door.send().status_code == 202


def test_a_refused_request_writes_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even that the caller has sent it: each write waits for the disk."""
    monkeypatch.setattr(door.services.gate._slots, "_max_waiting", 0)
    assert door.send().status_code == 202
    key = door.services.accounts.create_key(ACME, "test", SCOPES)[1]
    client: Client = door.app.server.test_client()

    def send() -> Client:
        return client.post(EVENTS, json={"events": []}, headers={"X-API-Key": key})

    first = send()
    assert first.status_code == 202
    with every_slot_taken(door.services.gate._slots):
        before = door.platform.client.info("persistence")["aof_current_size"]
        for _ in range(20):
            assert refused(send(), 429, range(1, 4))
        assert door.platform.client.info("persistence")["aof_current_size"] == before


def test_a_noisy_tenant_leaves_the_others_a_slot(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = door.services.gate._slots
    monkeypatch.setattr(slots, "_patience", 0)
    assert door.send("outside").status_code == 202
    with ExitStack() as held:
        for _ in range(SLOTS - 1):
            held.enter_context(slots.take(ACME))
        assert refused(door.send("acme"), 429, range(1, 4))
        assert door.send("outside").status_code == 202


@contextmanager
def small_platform(folder: Path, megabytes: int) -> Iterator[Platform]:
    with embedded.running(folder / "valkey", memory_mb=megabytes) as server:
        platform = Platform(server.url, str(folder / "history"))
        platform.add_tenant()
        platform.add_tenant("outside")
        yield platform


def test_a_store_that_fills_refuses_events_in_time_and_everything_else_goes_on(
    tmp_path: Path, settings: Settings
) -> None:
    with small_platform(tmp_path, 24) as platform:
        door = make_door(platform, settings)
        door.services.gate._limits = door.services.gate._pressure._limits = Limits()
        key = door.services.accounts.create_key(ACME, "reader", SCOPES)[1]
        answers: list[Client] = []
        while not answers or answers[-1].status_code == 202:
            answers.append(door.send(number=100, properties={"note": "x" * 4_000}))
        assert refused(answers[-1], 503, 10)
        assert len(answers) > 10
        memory = platform.client.info("memory")
        assert 0.85 < memory["used_memory"] / memory["maxmemory"] < 0.95
        query = {"period": {"last": "24h"}}
        client: Client = door.app.server.test_client()
        for _ in range(3):
            shown = client.post("/api/v1/insights/kpis", json=query, headers={"X-API-Key": key})
            assert shown.status_code == 200, shown.text
        assert refused(door.send("outside"), 503, 10)
        consume(platform)
        assert platform.consumer()._stream.trim() > 0
        assert door.send().status_code == 202
        assert door.send("outside").status_code == 202


def test_while_memory_is_short_the_tenant_with_the_greater_share_waits_first(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cip.domain.backpressure.SMALL_BACKLOG", 3)
    monkeypatch.setattr(door.services.gate, "_limits", Limits())
    assert door.send(number=8).status_code == 202
    assert door.send("outside", number=2).status_code == 202
    client = door.platform.client
    # Beside it, what other connections take and give back meanwhile is little.
    client.set("ballast", b"x" * 40_000_000)
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.8))
    try:
        assert refused(door.send(), 429, 60)
        assert door.send("outside").status_code == 202
    finally:
        client.config_set("maxmemory", before)
    assert door.send().status_code == 202


@pytest.fixture
def server(platform: Platform, settings: Settings, project: Path) -> Iterator[int]:
    """The real web server's port; acme's events wait for their consumers past the limit."""
    port = embedded.free_port()
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CIP_")}
    own = {
        "CIP_HOME": str(settings.home),
        "CIP_REDIS_URL": settings.redis_url,
        "CIP_SECRET_KEY": settings.secret_key,
        "CIP_PORT": str(port),
        "CIP_MAX_LAG_EVENTS": "1000",
    }
    with platform.client.pipeline(transaction=False) as pipeline:
        for _ in range(1_001):
            pipeline.xadd(keys.events(ACME), {"e": ""})
        pipeline.execute()
    process = subprocess.Popen(
        [sys.executable, "-m", "cip.cli.main", "web"],
        cwd=project,
        env=kept | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(port), 60, "the web server answers")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_a_refused_connection_serves_the_next_request_however_much_was_sent(
    platform: Platform, server: int
) -> None:
    key = platform.services.accounts.create_key(ACME, "test", SCOPES)[1]
    with closing(http.client.HTTPConnection("127.0.0.1", server, timeout=10)) as connection:
        connection.connect()
        kept = connection.sock
        post = _poster(connection, {"X-API-Key": key, "Content-Type": "application/json"})
        for size in (100, 60_000, 70_000, 3_000_000):
            status, answer, retry = post(b"x" * size)
            assert (status, answer["error"]["code"], retry) == (429, "throttled", "60"), size
            assert connection.sock is kept, size
        platform.client.xgroup_create(keys.events(ACME), "live", id="$", entries_read=1_001)
        event = raw_event(now=datetime.now(UTC))
        body = orjson.dumps({"events": [event]})
        wait_until(lambda: post(body)[0] == 202, 10, "events are let in again")
        assert connection.sock is kept


def _poster(
    connection: http.client.HTTPConnection, head: dict[str, str]
) -> Callable[[bytes], tuple[int, Any, str | None]]:
    def post(body: bytes) -> tuple[int, Any, str | None]:
        connection.request("POST", EVENTS, body, head)
        answer = connection.getresponse()
        return answer.status, orjson.loads(answer.read()), answer.headers["Retry-After"]

    return post
