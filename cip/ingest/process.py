"""The ingest process: holds the leases of tenants, and runs their consumers in two threads."""

from __future__ import annotations

import random
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog
from deltalake.exceptions import DeltaError
from redis.exceptions import RedisError

from cip.domain.errors import CipError
from cip.domain.tenants import TenantId
from cip.ingest.consumers import HISTORY_BATCH, TenantConsumer
from cip.stopping import StopRequest
from cip.store import keys
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, Redis, connect_for_writes
from cip.store.leases import Lease
from cip.store.tenants import TenantStore

# A killed process's tenants wait until its leases lapse; a slow round must not lose one.
LEASE_MS: Final = 6_000
LEASE_ROUND_SECONDS: Final = 1.5
HEARTBEAT_SECONDS: Final = 6
LIVE_PAUSE_SECONDS: Final = 0.1
# Small flows wait a little, so that a commit holds more than a handful of events.
HISTORY_PAUSE_SECONDS: Final = 1.0
MAINTENANCE_ROUNDS: Final = 20
LONGEST_BACKOFF_SECONDS: Final = 5.0

Clock = Callable[[], datetime]
Step = Callable[[TenantConsumer], int]
log = structlog.get_logger(__name__)


class IngestProcess:
    """Runs until `stop()`; then finishes the batches at hand and gives up its leases."""

    def __init__(
        self, client: Redis, history_root: str, clock: Clock, stop: StopRequest | None = None
    ) -> None:
        self._client = client
        self._history_root = history_root
        self._clock = clock
        self._tenants = TenantStore(client, client)
        self._owned: dict[TenantId, tuple[Lease, TenantConsumer]] = {}
        self._stop = stop or StopRequest()
        self._broken = False

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> bool:
        """False when something that nobody foresaw ended it: better to start anew than to seem
        alive while events pile up."""
        threads = [
            threading.Thread(target=self._run_loop, args=(name, step, pause), name=name)
            for name, step, pause in (
                ("live", TenantConsumer.live_step, LIVE_PAUSE_SECONDS),
                ("history", self._history_steps, HISTORY_PAUSE_SECONDS),
                ("maintenance", self._maintain, LEASE_ROUND_SECONDS * MAINTENANCE_ROUNDS),
            )
        ]
        for thread in threads:
            thread.start()
        while not self._stop.is_set():
            self._guarded("leases", self._hold_leases)
            self._stop.wait(LEASE_ROUND_SECONDS)
        for thread in threads:
            thread.join()
        self._guarded("leases", self._release_leases)
        return not self._broken

    def _hold_leases(self) -> None:
        """Extends what is held, drops what was lost or deleted, takes what is free."""
        tenants = self._tenants.ids()
        for gone in self._owned.keys() - set(tenants):
            # The lease lapses by itself: a step may still be under way.
            del self._owned[gone]
            log.info("tenant gone", tenant=gone)
        for tenant in tenants:
            if self._stop.is_set():
                return
            self._guarded("lease", lambda t=tenant: self._hold(t), tenant=tenant)  # type: ignore[misc]
        self._client.set(keys.heartbeat("ingest"), self._clock().isoformat(), ex=HEARTBEAT_SECONDS)

    def _hold(self, tenant: TenantId) -> None:
        held = self._owned.get(tenant)
        if held and held[0].extend():
            return
        if held:
            del self._owned[tenant]
            log.warning("lease lost", tenant=tenant)
        self._take(tenant)

    def _take(self, tenant: TenantId) -> None:
        lease = Lease(self._client, keys.ingest_lease(tenant), LEASE_MS)
        if not lease.acquire():
            return
        consumer = TenantConsumer(self._client, self._history_root, tenant, self._clock)
        consumer.prepare()
        self._owned[tenant] = (lease, consumer)
        log.info("tenant taken", tenant=tenant)

    def _release_leases(self) -> None:
        for lease, _ in self._owned.values():
            lease.release()

    def _run_loop(self, name: str, step: Step, pause: float) -> None:
        try:
            self._loop(name, step, pause)
        finally:
            if not self._stop.is_set():
                self._broken = True
                self._stop.set()

    def _loop(self, name: str, step: Step, pause: float) -> None:
        """Goes round the tenants; rests when none had anything; backs off from one that fails."""
        failures: dict[TenantId, int] = {}
        while not self._stop.is_set():
            done = 0
            owned = list(self._owned.items())
            # Of a tenant that is gone, no failure may slow the others down for ever.
            failures = {tenant: failures.get(tenant, 0) for tenant, _ in owned}
            for tenant, (_, consumer) in owned:
                outcome = self._guarded(name, lambda c=consumer: step(c), tenant=tenant)  # type: ignore[misc]
                failures[tenant] = 0 if outcome is not None else failures[tenant] + 1
                done += outcome or 0
            worst = max(failures.values(), default=0)
            if worst:
                ceiling = min(LONGEST_BACKOFF_SECONDS, 0.2 * 2 ** min(worst, 6))
                self._stop.wait(random.uniform(ceiling / 2, ceiling))  # noqa: S311 - jitter
            elif not done:
                self._stop.wait(pause)

    def _history_steps(self, consumer: TenantConsumer) -> int:
        """One commit; asks to go on at once only while batches come full."""
        done = consumer.history_step()
        return done if done == HISTORY_BATCH else 0

    def _maintain(self, consumer: TenantConsumer) -> int:
        consumer.maintain()
        return 0

    def _guarded(
        self, what: str, action: Callable[[], int | None], tenant: str | None = None
    ) -> int | None:
        """The net of every loop: a failure is logged and tried again, and stops no neighbour."""
        try:
            return action() or 0
        except (RedisError, DeltaError, CipError, OSError) as error:
            log.warning(
                "ingest step failed",
                step=what,
                tenant=tenant,
                kind=type(error).__name__,
                error=str(error),
            )
            return None


def run(redis_url: str, history_url: str) -> None:
    """Runs the process until SIGTERM or SIGINT."""
    client = connect_for_writes(redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    stop = StopRequest.on_signals(signal.SIGTERM, signal.SIGINT)
    process = IngestProcess(client, history_url, lambda: datetime.now(UTC), stop)
    threading.excepthook = _log_broken_loop
    log.info("ingest started")
    sound = process.run()
    log.info("ingest stopped")
    if not sound:
        sys.exit(1)


def _log_broken_loop(details: threading.ExceptHookArgs) -> None:
    name = details.thread.name if details.thread else None
    log.error("ingest loop broke", step=name, exc_info=details.exc_value)
