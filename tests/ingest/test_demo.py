"""The demo tenants on a real server and a real history: seeded once, streamed without a seam."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cip.demo.live import Due, follow
from cip.demo.seeding import Seeded, resume_from, seed, seeded_until, streamed_until
from cip.demo.spec import DEMO_SPECS, DEMO_TENANT, DemoSpec
from cip.demo.streaming import LiveStream
from cip.demo.world import World
from cip.domain.errors import UnavailableError
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.history.query import connect as connect_history
from cip.history.table import HistoryTable
from cip.ingest.consumers import TenantConsumer
from cip.ingest.rebuild import rebuild_live
from cip.services.ingestion import IngestAnswer, IngestionService
from cip.stopping import StopRequest
from cip.store import embedded
from cip.store.client import connect, connect_for_writes
from cip.store.live import LiveCounters, pieces, total
from cip.store.streams import EventStream, decode
from cip.store.tenants import TenantStore

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SPEC = replace(DEMO_TENANT, customers=200, days=60)
JITTER = random.Random(1)
Rebuild = Callable[[TenantId], int]


def quiet(_share: float) -> None:
    """Nobody watches the progress."""


def count(table: HistoryTable, where: str = "true") -> tuple[int, int]:
    """Rows, and distinct event ids."""
    with connect_history(table) as history:
        found = history.execute(
            f"SELECT count(*), count(DISTINCT event_id) FROM events WHERE {where}"  # noqa: S608
        ).fetchone()
    assert found is not None
    return found[0], found[1]


@pytest.fixture
def table(history_root: str) -> HistoryTable:
    return HistoryTable(history_root, SPEC.tenant)


@pytest.fixture
def tenants(redis_url: str) -> TenantStore:
    store = TenantStore(connect(redis_url), connect_for_writes(redis_url))
    store.add(SPEC.as_tenant(NOW))
    return store


@pytest.fixture
def rebuild(redis_url: str, history_root: str, tenants: TenantStore) -> Rebuild:
    client = connect_for_writes(redis_url, timeout_seconds=5.0)
    return lambda tenant: rebuild_live(client, history_root, tenant, lambda: NOW)


class Clock:
    """Stands still until it is set forward."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def streaming(
    ingestion: IngestionService, events: Iterator[Due], clock: Clock, stop: StopRequest
) -> LiveStream:
    return LiveStream(ingestion, [(SPEC.tenant, events)], clock, stop, JITTER)


def drain(stream: LiveStream) -> None:
    while stream.send_due():
        pass


def consume(redis_url: str, history_root: str, clock: Clock) -> None:
    """Everything accepted goes into the history, as the ingest process does it."""
    client = connect_for_writes(redis_url, timeout_seconds=5.0)
    consumer = TenantConsumer(client, history_root, SPEC.tenant, clock)
    consumer.prepare()
    while consumer.history_step():
        pass


def test_seeding_fills_the_history_once(table: HistoryTable, rebuild: Rebuild) -> None:
    first = seed(SPEC, table, NOW, rebuild, quiet)
    rows, ids = count(table)
    assert rows == ids == first.events == World(SPEC, NOW).seed_events().num_rows
    again = seed(SPEC, table, NOW + timedelta(hours=3), rebuild, quiet)
    assert again.events is None
    assert again.world.seed_end == first.world.seed_end == NOW
    assert count(table) == (rows, ids)


def test_an_interrupted_recount_is_made_up_for(table: HistoryTable, rebuild: Rebuild) -> None:
    def away(_tenant: TenantId) -> int:
        raise UnavailableError("The data store does not answer.")

    with pytest.raises(UnavailableError):
        seed(SPEC, table, NOW, away, quiet)
    recounted: list[TenantId] = []
    again = seed(SPEC, table, NOW, recounted.append, quiet)
    assert again.events is None
    assert recounted == [SPEC.tenant]
    seed(SPEC, table, NOW, recounted.append, quiet)
    assert recounted == [SPEC.tenant]


def test_a_gap_is_filled_and_a_restart_repeats_nothing(
    redis_url: str, history_root: str, table: HistoryTable, tenants: TenantStore, rebuild: Rebuild
) -> None:
    seeded: Seeded = seed(SPEC, table, NOW, rebuild, quiet)
    clock = Clock(NOW + timedelta(hours=9))
    ingestion = IngestionService(connect_for_writes(redis_url), tenants, clock)
    resume = resume_from(seeded.world, table, clock())
    assert resume == microseconds(NOW) - 1
    first = streaming(ingestion, follow(seeded.world, resume), clock, StopRequest())
    drain(first)
    wanted = seeded.world.between(microseconds(NOW), microseconds(clock()) + 1).num_rows
    assert (first.sent.accepted, first.sent.duplicates) == (wanted, 0)
    consume(redis_url, history_root, clock)

    # Another process, later, which knows nothing but the history.
    end = seeded_until(SPEC, table)
    assert end == NOW
    world = World(SPEC, end)
    assert streamed_until(world, table) > microseconds(NOW)
    clock.now += timedelta(hours=2)
    second = streaming(
        ingestion, follow(world, resume_from(world, table, clock())), clock, StopRequest()
    )
    drain(second)
    assert second.sent.duplicates == second.sent.rejected == 0
    consume(redis_url, history_root, clock)
    rows, ids = count(table)
    whole = world.between(microseconds(NOW), microseconds(clock()) + 1).num_rows
    assert rows == ids == (seeded.events or 0) + whole


def test_what_the_history_does_not_hold_yet_is_sent_again_and_counts_once(
    redis_url: str, table: HistoryTable, tenants: TenantStore, rebuild: Rebuild
) -> None:
    world = seed(SPEC, table, NOW, rebuild, quiet).world
    clock = Clock(NOW + timedelta(hours=2))
    ingestion = IngestionService(connect_for_writes(redis_url), tenants, clock)
    streams = [
        streaming(
            ingestion, follow(world, resume_from(world, table, clock())), clock, StopRequest()
        )
        for _ in range(2)
    ]
    for stream in streams:
        drain(stream)
    assert streams[0].sent.accepted > 100
    assert streams[1].sent.accepted == 0
    assert streams[1].sent.duplicates == streams[0].sent.accepted


def test_the_live_counters_know_the_seed(
    redis_url: str, table: HistoryTable, rebuild: Rebuild
) -> None:
    seed(SPEC, table, NOW, rebuild, quiet)
    start, end = NOW - timedelta(hours=24), NOW
    wanted, _ = count(
        table,
        f"epoch_us(occurred_at) >= {microseconds(start)} AND epoch_us(occurred_at) < "
        f"{microseconds(end)}",
    )
    counters = LiveCounters(connect(redis_url), SPEC.tenant)
    minutes = [microseconds(edge) // 60_000_000 for edge in (start, end)]
    counted = total(counters.sums(counters.generation(), pieces(*minutes)))
    assert sum(counted.events.values()) == wanted > 500


def test_a_batch_is_sent_again_until_it_is_taken(tenants: TenantStore, redis_url: str) -> None:
    """Redis is away for the first tries; nothing is lost, nothing is sent out of turn."""
    clock = Clock(NOW)
    real = IngestionService(connect_for_writes(redis_url), tenants, clock)
    tries: list[object] = []

    class Flaky:
        def accept(self, tenant: TenantId, raw_events: Sequence[object]) -> IngestAnswer:
            tries.append(raw_events)
            if len(tries) < 3:
                raise UnavailableError("The data store does not answer.")
            return real.accept(tenant, raw_events)

    world = World(SPEC, NOW - timedelta(minutes=30))
    events = follow(world, microseconds(world.seed_end) - 1)
    stream = LiveStream(Flaky(), [(SPEC.tenant, events)], clock, StopRequest(), JITTER)
    drain(stream)
    assert tries[0] == tries[1] == tries[2]
    wanted = world.between(microseconds(world.seed_end), microseconds(NOW) + 1).num_rows
    assert stream.sent.accepted == wanted


def test_a_stop_ends_the_stream_though_redis_is_away() -> None:
    stop = StopRequest()

    class Away:
        def accept(self, tenant: TenantId, raw_events: Sequence[object]) -> IngestAnswer:
            stop.set()
            raise UnavailableError("The data store does not answer.")

    world = World(SPEC, NOW - timedelta(minutes=30))
    events = follow(world, microseconds(world.seed_end) - 1)
    LiveStream(Away(), [(SPEC.tenant, events)], Clock(NOW), stop, JITTER).run()
    assert stop.is_set()


@pytest.mark.slow
def test_the_command_seeds_streams_survives_a_restart_of_the_server_and_ends(
    tmp_path: Path, project: Path
) -> None:
    folder, home = tmp_path / "valkey", tmp_path / "home"
    home.mkdir()
    with embedded.running(folder) as server:
        process = start_demo(project, home, server.url)
        tenants = [spec.tenant for spec in DEMO_SPECS]
        wait_for(lambda: (home / "ready").exists(), process)
        wait_for(lambda: all(length(server.url, tenant) > 0 for tenant in tenants), process)
        before = {tenant: length(server.url, tenant) for tenant in tenants}
    with embedded.running(folder) as server:
        wait_for(
            lambda: length(server.url, DEMO_TENANT.tenant) > before[DEMO_TENANT.tenant], process
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        ids = [event_id for tenant in tenants for event_id in streamed_ids(server.url, tenant)]
    assert max(Counter(ids).values()) == 1
    seeded = {spec.tenant: rows_of(home, spec) for spec in DEMO_SPECS}
    assert seeded[DEMO_TENANT.tenant] > 300_000


def start_demo(project: Path, home: Path, url: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "CIP_"}
    environment |= {"CIP_HOME": str(home), "CIP_REDIS_URL": url}
    command = [sys.executable, "-m", "cip.cli.main", "demo", "--ready-file", str(home / "ready")]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log)


def length(url: str, tenant: TenantId) -> int:
    return len(streamed_ids(url, tenant))


def streamed_ids(url: str, tenant: TenantId) -> list[str]:
    entries = EventStream(connect(url, timeout_seconds=5.0), tenant).newest(100_000)
    return [decode(entry.payload).event_id for entry in entries]


def rows_of(home: Path, spec: DemoSpec) -> int:
    return count(HistoryTable(str(home / "history"), spec.tenant))[0]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    poll = StopRequest()
    while not condition():
        assert process.poll() is None, "the command ended"
        assert time.monotonic() < deadline, "it took too long"
        poll.wait(0.05)
