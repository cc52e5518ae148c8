"""Stops processes for seconds and lets them go on, as a busy machine or a paused one does."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.flow import RECOVERY_SECONDS, Flow, wait_for
from tests.faults.processes import STOP_SECONDS, Member
from tests.waiting import wait_until

# The last one: an ingest process sleeps through its lease, while another takes its tenants over.
KINDS: Final = ("valkey", "web child", "ingest", "ingest and its successor")
SHORTEST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 10.0
_BEYOND_THE_LEASE_SECONDS: Final = 9.0


@dataclass(frozen=True, slots=True)
class Stall:
    kind: str
    seconds: float
    recovered: float


@dataclass
class Staller:
    flow: Flow
    draw: random.Random
    stalls: list[Stall]

    def run(self, kinds: Sequence[str]) -> None:
        for kind in kinds:
            self.stalls.append(self._stall(kind))

    def _stall(self, kind: str) -> Stall:
        if kind == "ingest and its successor":
            seconds = _BEYOND_THE_LEASE_SECONDS
            with self._second_ingest() as out:
                self._hold(self._one("ingest"), seconds, lambda: "tenant taken" in out.read_text())
                recovered = self.flow.goes_on()
        else:
            seconds = self.draw.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
            self._hold(self._one(kind), seconds)
            recovered = self.flow.goes_on()
        self.flow.say(f"stalled {kind} for {seconds:.1f} s; well again after {recovered:.1f} s")
        return Stall(kind, seconds, recovered)

    def _hold(
        self, member: Member, seconds: float, enough: Callable[[], bool] = lambda: True
    ) -> None:
        member.send(signal.SIGSTOP)
        try:
            wait_for(seconds)
            wait_until(enough, RECOVERY_SECONDS, "the tenant taken over")
        finally:
            member.send(signal.SIGCONT)

    def _one(self, role: str) -> Member:
        found: list[Member] = []

        def look() -> bool:
            found[:] = [one for one in self.flow.running.members() if one.role == role]
            return bool(found)

        wait_until(look, RECOVERY_SECONDS, f"a process of {role}")
        return self.draw.choice(found)

    @contextmanager
    def _second_ingest(self) -> Iterator[Path]:
        process = self.flow.running.command("ingest")
        out = self.flow.running.home.parent / "ingest.out"
        try:
            wait_until(lambda: "ingest started" in out.read_text(), RECOVERY_SECONDS, "a second")
            yield out
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
