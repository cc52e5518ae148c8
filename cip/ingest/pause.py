"""The live counters at rest: for whoever counts them anew or checks them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final

from redis.exceptions import RedisError

from cip.domain.errors import ConflictError, UnavailableError
from cip.domain.tenants import TenantId
from cip.history.table import HistoryTable
from cip.ingest.consumers import TenantConsumer
from cip.store import keys
from cip.store.client import Redis
from cip.store.leases import Lease

# A killed holder's pause ends by itself after this; a living one extends it all the while.
PAUSE_MS: Final = 15_000
_EXTEND_SECONDS: Final = 3.0
_WAIT_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.1


class Pause:
    """While it is held no batch is applied to the tenant's live counters."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._lease = Lease(client, keys.live_paused(tenant), PAUSE_MS)
        self._ended = threading.Event()

    @property
    def token(self) -> str:
        return self._lease.token

    def require_held(self) -> None:
        """Raises `ConflictError` where it lapsed at any time: the token is set only once."""
        if not self._lease.extend():
            raise ConflictError("The pause of the live counters lapsed meanwhile; run it again.")

    def begin(self) -> None:
        if not self._lease.acquire():
            raise ConflictError(
                "Another rebuild or check of this tenant's live counters is under way."
            )

    def keep(self) -> None:
        """Extends it until it ends; a store that is away for a moment is asked again."""
        while not self._ended.wait(_EXTEND_SECONDS):
            with suppress(RedisError):
                self._lease.extend()

    def end(self) -> None:
        self._ended.set()
        self._lease.release()


@contextmanager
def paused(client: Redis, tenant: TenantId) -> Iterator[Pause]:
    """Raises `ConflictError` where somebody else has paused the tenant's live counters."""
    pause = Pause(client, tenant)
    pause.begin()
    keeper = threading.Thread(target=pause.keep, name="pause", daemon=True)
    keeper.start()
    try:
        yield pause
    finally:
        pause.end()
        keeper.join()


def await_history(
    client: Redis,
    history_root: str,
    tenant: TenantId,
    position: int,
    clock: Callable[[], datetime],
) -> None:
    """Returns once the history holds everything up to `position`; consumes the stream itself where
    no ingest process does. Raises `UnavailableError` when the history does not catch up."""
    table = HistoryTable(history_root, tenant)
    consumer: TenantConsumer | None = None
    deadline = time.monotonic() + _WAIT_SECONDS
    while position > 0 and table.stream_position() < position:
        if time.monotonic() > deadline:
            raise UnavailableError("The history does not catch up with the stream.")
        with _owned(client, tenant) as mine:
            if mine and consumer is None:
                consumer = TenantConsumer(client, history_root, tenant, clock)
                consumer.prepare()
            if not (mine and consumer and consumer.history_step()):
                time.sleep(_LOOK_SECONDS)


@contextmanager
def _owned(client: Redis, tenant: TenantId) -> Iterator[bool]:
    lease = Lease(client, keys.ingest_lease(tenant), PAUSE_MS)
    mine = lease.acquire()
    try:
        yield mine
    finally:
        if mine:
            lease.release()
