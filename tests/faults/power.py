"""Power losses of a whole platform: everything killed at once, the unsynced lost, started again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from tests.faults.flow import Flow, wait_for
from tests.faults.killing import rewrite_log
from tests.powerloss.losing import Loss, lose_power
from tests.powerloss.recorder import Recorder

_REWRITING: Final = 0.4
_LONGEST_REWRITE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    loss: Loss
    recovered: float


@dataclass
class PowerCutter:
    flow: Flow
    recorder: Recorder
    draw: random.Random
    cuts: list[Cut]

    def run(self, number: int) -> None:
        for _ in range(number):
            self.cuts.append(self._cut())

    def _cut(self) -> Cut:
        """Sometimes while the server rewrites its log. Every other time all that was not synced is
        lost, else what is lost of it is drawn."""
        if self.draw.random() < _REWRITING:
            self.flow.ask(rewrite_log)
            wait_for(self.draw.uniform(0.0, _LONGEST_REWRITE_SECONDS))
        self.flow.running.end_at_once()
        loss = lose_power(self.recorder, self.draw if self.draw.random() < 0.5 else None)
        self.flow.running.restart()
        recovered = self.flow.goes_on(whole=False)
        self.flow.say(
            f"power lost ({len(self.cuts) + 1}): {loss.bytes:,} bytes, {loss.names} names gone, "
            f"{loss.returned} back; well again after {recovered:.1f} s"
        )
        return Cut(loss, recovered)
