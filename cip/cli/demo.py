"""`cip demo`: the demo tenants, their logins, and live events that go on from their seed."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import structlog
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cip import logs
from cip.cli.readiness import announce
from cip.cli.shell import explained, fail, read_settings, say
from cip.cli.waiting import await_redis
from cip.domain.errors import ConflictError, UnavailableError
from cip.domain.tenants import TenantId
from cip.services.accounts import AccountService
from cip.services.ingestion import IngestionService
from cip.settings import Settings
from cip.stopping import StopRequest
from cip.store.client import (
    CONSUMER_TIMEOUT_SECONDS,
    Redis,
    connect,
    connect_for_writes,
    required,
)
from cip.store.tenants import TenantStore
from cip.store.users import UserStore

if TYPE_CHECKING:
    from cip.demo.spec import DemoSpec
    from cip.demo.world import World

_T = TypeVar("_T")
_RETRY_SECONDS = 2.0
_LOG = structlog.get_logger(__name__)


def demo(
    stream: Annotated[
        bool, typer.Option(help="Go on with live events until Ctrl-C or SIGTERM.")
    ] = True,
    ready_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Seed the demo tenants (once) and their logins, then stream live simulated events."""
    settings = read_settings()
    if settings.production:
        fail("the demo tenants have published passwords: not with CIP_ENV=production.")
    if not sys.stdout.isatty():
        logs.configure("demo")
    with explained():
        await_redis(settings)
        stop = StopRequest.on_signals(signal.SIGINT, signal.SIGTERM)
        run = _Demo.connected(settings, stop)
        worlds = run.seed_all()
        announce(ready_file)
        if stream and not stop.is_set():
            run.stream(worlds)


@dataclass(frozen=True, slots=True)
class _Demo:
    settings: Settings
    stop: StopRequest
    reads: Redis
    writes: Redis
    rebuilds: Redis

    @classmethod
    def connected(cls, settings: Settings, stop: StopRequest) -> _Demo:
        url = settings.redis_url
        patient = connect_for_writes(url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
        return cls(settings, stop, connect(url), connect_for_writes(url), patient)

    def seed_all(self) -> list[World]:
        """The worlds of all demo tenants, seeded; fewer when it was asked to stop meanwhile."""
        from cip.demo.spec import DEMO_SPECS  # heavy from here on: numpy, Arrow, DuckDB

        worlds = []
        for spec in DEMO_SPECS:
            world = self._patiently(partial(self._seed, spec))
            if world is None:
                return []
            worlds.append(world)
        self._patiently(self._accounts.ensure_demo_users)
        return worlds

    def stream(self, worlds: list[World]) -> None:
        from cip.demo.live import follow
        from cip.demo.seeding import resume_from
        from cip.demo.streaming import LiveStream
        from cip.history.table import HistoryTable

        ingestion = IngestionService(self.writes, self._tenants, _now)
        events = []
        for world in worlds:
            table = HistoryTable(self.settings.history_url, world.spec.tenant)
            after_us = resume_from(world, table, _now())
            events.append((world.spec.tenant, follow(world, after_us)))
        jitter = random.Random()  # noqa: S311 - spreads retries, hides nothing
        _report("demo_streams", "Streaming live events. Ctrl-C stops.")
        sent = LiveStream(ingestion, events, _now, self.stop, jitter).run()
        _report("demo_stopped", f"Stopped: {sent.accepted:,} live events.", sent=sent.accepted)

    def _seed(self, spec: DemoSpec) -> World:
        from cip.demo.seeding import seed
        from cip.history.table import HistoryTable

        made = self._accounts.ensure_tenant(spec.as_tenant(_now()))
        table = HistoryTable(self.settings.history_url, spec.tenant)
        with _progress(f"Seeding {spec.tenant}") as progress:
            seeded = seed(spec, table, _now(), self._rebuild, progress, recount=made)
        end = f"{seeded.world.seed_end:%Y-%m-%d %H:%M} UTC"
        if seeded.events is None:
            _report("demo_seeded_before", f"{spec.tenant} is seeded already, up to {end}.")
        else:
            line = f"{spec.tenant}: {seeded.events:,} events of {spec.days} days up to {end}."
            _report("demo_seeded", line, events=seeded.events)
        return seeded.world

    def _rebuild(self, tenant: TenantId) -> int:
        from cip.ingest.rebuild import rebuild_live

        with required():
            return rebuild_live(self.rebuilds, self.settings.history_url, tenant, _now)

    def _patiently(self, step: Callable[[], _T]) -> _T | None:
        """What the step returns, tried again while Redis is away; None once asked to stop."""
        while not self.stop.is_set():
            try:
                return step()
            except (UnavailableError, ConflictError) as error:
                _report("demo_waits", error.message)
                self.stop.wait(_RETRY_SECONDS)
        return None

    @property
    def _tenants(self) -> TenantStore:
        return TenantStore(self.reads, self.writes)

    @property
    def _accounts(self) -> AccountService:
        return AccountService(self._tenants, UserStore(self.reads, self.writes), _now)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[float], None]]:
    """A progress bar that hears the share that is done; nothing where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, disable=not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _report(event: str, line: str, **details: object) -> None:
    """A line for people at a terminal, else for the log."""
    if sys.stdout.isatty():
        say(line)
    else:
        _LOG.info(event, message=line, **details)


def _now() -> datetime:
    return datetime.now(UTC)
