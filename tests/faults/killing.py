"""Kills processes of a platform at seeded moments."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cip.store.client import AWAY, Redis
from tests.faults.flow import RECOVERY_SECONDS, Flow, wait_for
from tests.faults.processes import Member, alive
from tests.waiting import wait_until

# What is killed: the kinds of the promise, and which processes each consists of.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
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
_LONGEST_PAUSE_SECONDS: Final = 1.2
_REWRITING: Final = 0.3  # of the servers are killed while they rewrite their log
# The supervisor is slower to start what did not live for three seconds, longer each time.
_LEAST_AGE_SECONDS: Final = 3.5


@dataclass(slots=True)
class Kill:
    """One kill. Seconds from it until the platform was whole again; None: others came first."""

    kind: str
    role: str
    seconds: float | None = None


@dataclass
class Killer:
    flow: Flow
    draw: random.Random
    kills: list[Kill]

    def run(self, numbers: Mapping[str, int], *, recover_every: int) -> None:
        """So many kills of each kind, in a drawn order; of so many one waits for the recovery."""
        left = Counter(numbers)
        for place in range(1, left.total() + 1):
            victim = self._victim(left)
            kind = _kind(victim)
            left[kind] -= 1
            if kind == "valkey" and self.draw.random() < _REWRITING:
                self.flow.ask(rewrite_log)
            self._kill(kind, victim, recover=place % recover_every == 0 or not left.total())
            wait_for(self.draw.uniform(0.0, _LONGEST_PAUSE_SECONDS))

    def _kill(self, kind: str, victim: Member, *, recover: bool) -> None:
        kill = Kill(kind, victim.role)
        self.kills.append(kill)
        begun = time.monotonic()
        victim.kill()
        self.flow.say(f"killed {victim.role} ({sum(k.kind == kind for k in self.kills)})")
        if recover:
            gone = (victim.identity, *victim.children)
            wait_until(
                lambda: not any(alive(identity) for identity in gone),
                RECOVERY_SECONDS,
                f"{victim.role} and its children gone",
            )
            self.flow.goes_on()
            kill.seconds = time.monotonic() - begun
            self.flow.say(f"well again after {kill.seconds:.1f} s")

    def _victim(self, left: Counter[str]) -> Member:
        """A process of a kind that is still to be killed, by how often it is."""
        found: list[Member] = []

        def look() -> bool:
            roles = {role for kind in left if left[kind] for role in KINDS[kind]}
            found[:] = [one for one in self.flow.running.members() if _ripe(one, roles)]
            return bool(found)

        wait_until(look, RECOVERY_SECONDS, f"a process to kill of {dict(left)}")
        kinds = sorted({_kind(member) for member in found})
        kind = self.draw.choices(kinds, [left[kind] for kind in kinds])[0]
        # Parents as often as children.
        role = self.draw.choice(sorted({one.role for one in found if _kind(one) == kind}))
        return self.draw.choice([member for member in found if member.role == role])


def _ripe(member: Member, roles: set[str]) -> bool:
    old = time.time() - member.started >= _LEAST_AGE_SECONDS
    return member.role in roles and (old or member.role.endswith(" child"))


def _kind(member: Member) -> str:
    return next(kind for kind, roles in KINDS.items() if member.role in roles)


def rewrite_log(client: Redis) -> None:
    with contextlib.suppress(*AWAY):
        client.bgrewriteaof()
