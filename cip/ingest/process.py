"""The ingest process: holds its share of the tenants, and runs their consumers in threads."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa
import structlog
from deltalake.exceptions import DeltaError
from redis.exceptions import RedisError

from cip.domain.errors import CipError
from cip.domain.tenants import TenantId
from cip.ingest.consumers import HISTORY_BATCH, TenantConsumer
from cip.ingest.turns import Turn
from cip.ingest.upkeep import Upkeep
from cip.stopping import StopRequest
from cip.store import keys
from cip.store.alarms import Alarms
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, Redis, connect_for_writes
from cip.store.leases import Lease
from cip.store.pressure import publish_storage
from cip.store.processes import Processes
from cip.store.tenants import TenantStore

# A killed process's tenants wait until its leases lapse; a slow round must not lose one.
LEASE_MS: Final = 6_000
LEASE_ROUND_SECONDS: Final = 1.5
HEARTBEAT_SECONDS: Final = 6
LIVE_PAUSE_SECONDS: Final = 0.1
# Small flows wait a little, so that a commit holds more than a handful of events.
HISTORY_PAUSE_SECONDS: Final = 1.0
UPKEEP_PAUSE_SECONDS: Final = 30.0
# What a tenant's data, its disk or the store may do to a step. Anything else is our mistake.
_FORESEEN: Final = (RedisError, DeltaError, pa.ArrowException, CipError, OSError, OverflowError)

Clock = Callable[[], datetime]
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Owned:
    """A tenant that is this process's while it holds the lease."""

    tenant: TenantId
    lease: Lease
    consumer: TenantConsumer
    upkeep: Upkeep
    turns: dict[str, Turn]
    prepared: set[str] = field(default_factory=set)

    def prepare(self, group: str, prepare: Callable[[], None]) -> None:
        """Once, and by the group that needs it: what stops one must not stop the other."""
        if group not in self.prepared:
            prepare()
            self.prepared.add(group)


def live_step(owned: Owned) -> int:
    owned.prepare("live", owned.consumer.prepare_live)
    return owned.consumer.live_step()


def history_step(owned: Owned) -> int:
    """One commit; asks to go on at once only while batches come full."""
    owned.prepare("history", owned.consumer.prepare)
    done = owned.consumer.history_step()
    return done if done == HISTORY_BATCH else 0


def upkeep_step(owned: Owned) -> int:
    owned.upkeep.round()
    return 0


Step = Callable[[Owned], int]


class IngestProcess:
    """Runs until `stop()`; then finishes the batches at hand and gives up its leases."""

    def __init__(
        self, client: Redis, history_root: str, clock: Clock, stop: StopRequest | None = None
    ) -> None:
        self._client = client
        self._history_root = history_root
        self._clock = clock
        self._tenants = TenantStore(client, client)
        self._processes = Processes(client, "ingest")
        self._name = secrets.token_hex(8)
        self._owned: dict[TenantId, Owned] = {}
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
                ("live", live_step, LIVE_PAUSE_SECONDS),
                ("history", history_step, HISTORY_PAUSE_SECONDS),
                ("upkeep", upkeep_step, UPKEEP_PAUSE_SECONDS),
            )
        ]
        for thread in threads:
            thread.start()
        while not self._stop.is_set():
            self._guarded("leases", self._hold_leases)
            self._stop.wait(LEASE_ROUND_SECONDS)
        for thread in threads:
            thread.join()
        self._guarded("leases", self._hand_all_over)
        return not self._broken

    def _hold_leases(self) -> None:
        """Extends what is held, drops what was lost or deleted, hands over what is beyond its
        share, and takes what is free up to it."""
        tenants = self._tenants.ids()
        share = -(-len(tenants) // max(1, self._processes.beat(self._name)))
        for gone in self._owned.keys() - set(tenants):
            # The lease lapses by itself: a step may still be under way.
            del self._owned[gone]
            log.info("tenant gone", tenant=gone)
        for beyond in list(self._owned)[share:]:
            self._guarded("lease", lambda t=beyond: self._hand_over(t), tenant=beyond)  # type: ignore[misc]
        for tenant in tenants:
            if self._stop.is_set():
                return
            self._guarded("lease", lambda t=tenant: self._hold(t, share), tenant=tenant)  # type: ignore[misc]
        self._client.set(keys.heartbeat("ingest"), self._clock().isoformat(), ex=HEARTBEAT_SECONDS)
        publish_storage(self._client, self._history_root)

    def _hold(self, tenant: TenantId, share: int) -> None:
        held = self._owned.get(tenant)
        if held and held.lease.extend():
            return
        if held:
            del self._owned[tenant]
            log.warning("lease lost", tenant=tenant)
        if len(self._owned) < share:
            self._take(tenant)

    def _take(self, tenant: TenantId) -> None:
        lease = Lease(self._client, keys.ingest_lease(tenant), LEASE_MS)
        if not lease.acquire():
            return
        alarms = Alarms(self._client, tenant)
        self._owned[tenant] = Owned(
            tenant,
            lease,
            TenantConsumer(self._client, self._history_root, tenant, self._clock),
            Upkeep(self._client, self._history_root, tenant),
            {
                "live": Turn("live", alarms, self._clock),
                "history": Turn("history", alarms, self._clock),
                "upkeep": Turn("upkeep", None, self._clock),
            },
        )
        log.info("tenant taken", tenant=tenant)

    def _hand_over(self, tenant: TenantId) -> None:
        """A step that is under way may end beside the new owner's: that one finds what it did."""
        self._owned.pop(tenant).lease.release()
        log.info("tenant handed over", tenant=tenant)

    def _hand_all_over(self) -> None:
        for owned in self._owned.values():
            owned.lease.release()
        self._processes.leave(self._name)

    def _run_loop(self, name: str, step: Step, pause: float) -> None:
        try:
            self._loop(name, step, pause)
        finally:
            if not self._stop.is_set():
                self._broken = True
                self._stop.set()

    def _loop(self, name: str, step: Step, pause: float) -> None:
        """Goes round the tenants; rests when none had anything."""
        while not self._stop.is_set():
            done = 0
            for owned in list(self._owned.values()):
                if self._stop.is_set():
                    return
                done += self._try(owned, name, step)
            if not done:
                self._stop.wait(pause)

    def _try(self, owned: Owned, name: str, step: Step) -> int:
        """One step of one tenant, when it is due. A failure stops no neighbour."""
        turn = owned.turns[name]
        if not turn.due:
            return 0
        try:
            done = step(owned)
        except _FORESEEN as error:
            _log_failure(name, owned.tenant, error)
            turn.failed(error)
            return 0
        turn.succeeded()
        return done

    def _guarded(
        self, what: str, action: Callable[[], None], tenant: TenantId | None = None
    ) -> None:
        """The net of the lease round: a failure is logged, and the next round tries again."""
        try:
            action()
        except _FORESEEN as error:
            _log_failure(what, tenant, error)


def _log_failure(what: str, tenant: TenantId | None, error: Exception) -> None:
    log.warning(
        "ingest step failed",
        step=what,
        tenant=tenant,
        kind=type(error).__name__,
        error=str(error),
    )


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
