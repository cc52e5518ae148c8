"""Whether the platform is whole, and the flow of events goes on: what is asked after a fault."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import AWAY, Redis, connect
from cip.store.live import LiveCounters
from tests.faults.load import Load
from tests.faults.processes import Running
from tests.waiting import wait_until

# Generous: a busy machine must not be taken for a broken platform.
RECOVERY_SECONDS: Final = 240.0


@dataclass
class Flow:
    """The tenant's events in a running platform, and how long they took to flow again."""

    running: Running
    tenant: TenantId
    key: str
    load: Load
    begun: float = field(default_factory=time.monotonic)

    def goes_on(self, *, whole: bool = True) -> float:
        """Waits until every process is there (if `whole`), the platform says that it is ready, and
        events are accepted, counted and stored; the seconds that took."""
        begun = time.monotonic()
        if whole:
            wait_until(self.running.complete, RECOVERY_SECONDS, "every process there")
        wait_until(self.running.ready, RECOVERY_SECONDS, "ready")
        flow: tuple[tuple[str, Callable[[], int]], ...] = (
            ("accepted", lambda: len(self.load.ledger.acknowledged)),
            ("counted", self._counted),
            ("stored", self._stored),
        )
        for what, position in flow:
            before = position()
            wait_until(_above(position, before), RECOVERY_SECONDS, f"more events {what}")
        return time.monotonic() - begun

    def say(self, line: str) -> None:
        """A line of progress, for whoever watches."""
        sys.stderr.write(f"{time.monotonic() - self.begun:7.1f} s  {line}\n")
        sys.stderr.flush()

    def ask(self, question: Callable[[Redis], Any]) -> Any:
        """What the server answers, not through the proxy; None while it is away."""
        try:
            with connect(self.running.redis_url) as client:
                return question(client)
        except (*AWAY, OSError):
            return None

    def _counted(self) -> int:
        def applied(client: Redis) -> Any:
            generation = LiveCounters(client, self.tenant).generation()
            return client.hget(keys.live_meta(self.tenant, generation), "applied")

        return int(self.ask(applied) or 0)

    def _stored(self) -> int:
        return int(self.ask(lambda client: client.get(keys.history_position(self.tenant))) or 0)


def _above(position: Callable[[], int], before: int) -> Callable[[], bool]:
    return lambda: position() > before


def wait_for(seconds: float) -> None:
    """Here the passing of time is what is tested: a drawn moment, the length of a stall."""
    threading.Event().wait(seconds)
