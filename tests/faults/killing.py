"""Kills processes of a platform at seeded moments, and watches how it comes back."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import AWAY, connect
from cip.store.live import LiveCounters
from tests.faults.load import Load
from tests.faults.processes import Member, Running, alive
from tests.waiting import wait_until

# What is killed: the kinds of the promise, and which processes each consists of.
KINDS: Final = {
    "ingest": ("ingest",),
    "jobs": (
        "jobs-interactive",
        "jobs-interactive child",
        "jobs-heavy",
        "jobs-heavy child",
        "beat",
    ),
    "web": ("web", "web child"),
    "valkey": ("valkey",),
}
RECOVERY_SECONDS: Final = 60.0
_AT_ONCE: Final = 0.25  # of the kills follow without waiting for the recovery
_LONGEST_PAUSE_SECONDS: Final = 1.2
_REWRITING: Final = 0.3  # of the servers are killed while they rewrite their log


@dataclass(slots=True)
class Kill:
    """One kill. Seconds from it until the platform was whole again; None: the next came first."""

    kind: str
    role: str
    seconds: float | None = None


@dataclass
class Killer:
    """`tenant` is the one whose flow must go on after each kill."""

    running: Running
    tenant: TenantId
    load: Load
    seed: int
    kills: list[Kill] = field(default_factory=list)

    def run(self, number: int) -> None:
        draw = random.Random(self.seed)
        for kind in _order(draw, number):
            victim = self._victim(draw, kind)
            if kind == "valkey" and draw.random() < _REWRITING:
                self._rewrite_log()
            self._kill(kind, victim, follow_at_once=draw.random() < _AT_ONCE)
            wait_for(draw.uniform(0.0, _LONGEST_PAUSE_SECONDS))
        self.recovered()

    def recovered(self) -> None:
        """Whole, ready, and the flow goes on: events are accepted, counted and stored."""
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

    def _kill(self, kind: str, victim: Member, *, follow_at_once: bool) -> None:
        kill = Kill(kind, victim.role)
        self.kills.append(kill)
        begun = time.monotonic()
        victim.kill()
        if follow_at_once:
            return
        gone = (victim.identity, *victim.children)
        wait_until(
            lambda: not any(alive(identity) for identity in gone),
            RECOVERY_SECONDS,
            f"{victim.role} and its children gone",
        )
        self.recovered()
        kill.seconds = time.monotonic() - begun

    def _victim(self, draw: random.Random, kind: str) -> Member:
        """A process of that kind; one that is just starting will do."""
        found: list[Member] = []

        def look() -> bool:
            found[:] = [m for m in self.running.members() if m.role in KINDS[kind]]
            return bool(found)

        wait_until(look, RECOVERY_SECONDS, f"a process of {kind}")
        role = draw.choice(
            sorted({member.role for member in found})
        )  # parents as often as children
        return draw.choice([member for member in found if member.role == role])

    def _rewrite_log(self) -> None:
        with connect(self.running.redis_url) as client, contextlib.suppress(*AWAY):
            client.bgrewriteaof()

    def _counted(self) -> int:
        with connect(self.running.redis_url) as client:
            try:
                live = LiveCounters(client, self.tenant)
                name = keys.live_meta(self.tenant, live.generation())
                applied: Any = client.hget(name, "applied")
                return int(applied or 0)
            except AWAY:
                return -1

    def _stored(self) -> int:
        with connect(self.running.redis_url) as client:
            try:
                position: Any = client.get(keys.history_position(self.tenant))
                return int(position or 0)
            except AWAY:
                return -1


def _order(draw: random.Random, number: int) -> list[str]:
    """Each kind equally often, in a drawn order."""
    kinds = [list(KINDS)[place % len(KINDS)] for place in range(number)]
    draw.shuffle(kinds)
    return kinds


def _above(position: Callable[[], int], before: int) -> Callable[[], bool]:
    return lambda: position() > before


def wait_for(seconds: float) -> None:
    """The drawn moment of the next kill: here the passing of time is what is tested."""
    moment = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= moment, seconds + 5)
