"""Strikes processes of a running platform at their named moments (`cip.failpoints`)."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # ships no types

from cip.failpoints import TAKEN
from tests.faults.flow import Flow, wait_for
from tests.waiting import wait_until

_ACTIONS: Final = ("kill", "kill", "kill", "error", "stop", "delay 0.4")
_STOPPED_SECONDS: Final = (0.5, 3.0)
_LOOK_SECONDS: Final = 0.1
_STOP: Final = "stop"
# Upkeep comes every half minute, merging of files every hundred commits: these are laid out beside
# everything else.
SLOW: Final = frozenset({"compact.before", "compact.after", "trim.before", "trim.after"})
PATIENCE_SECONDS: Final = 600.0
SLOW_PATIENCE_SECONDS: Final = 1_500.0


@dataclass
class Points:
    """`folder` is that of CIP_FAILPOINTS; `provoke` has what does not come by itself, by the first
    word of the point's name."""

    flow: Flow
    folder: Path
    draw: random.Random
    provoke: Mapping[str, Callable[[], None]]
    struck: Counter[str] = field(default_factory=Counter)
    slow: Counter[str] = field(default_factory=Counter)  # still to be struck
    _laid: set[str] = field(default_factory=set)

    def run(self, names: Sequence[str]) -> None:
        """Strikes all of them, and waits until that has happened and the flow goes on."""
        for name in names:
            self.lay(name)
        waiting = list(names)

        def all_taken() -> bool:
            waiting[:] = [name for name in waiting if not self._taken(name)]
            for step in {name.partition(".")[0] for name in waiting} & self.provoke.keys():
                self.provoke[step]()
            return not waiting

        wait_until(all_taken, PATIENCE_SECONDS, f"the moments {waiting}")
        took = self.flow.goes_on()
        self.flow.say(f"struck at {', '.join(names)}; well again after {took:.1f} s")

    def tend(self) -> bool:
        """Counts the slow ones that were struck and lays the next; whether none is left."""
        for name in sorted(self._laid):
            if self._taken(name):
                self._laid.discard(name)
                self.flow.say(f"struck at {name}")
        for name in sorted(self.slow):
            if self.slow[name] > 0 and name not in self._laid:
                self.slow[name] -= 1
                self._laid.add(name)
                self.lay(name)
        return not self._laid

    def finish(self) -> None:
        """Waits for the slow ones."""
        wait_until(self.tend, SLOW_PATIENCE_SECONDS, f"the moments {self.slow} {self._laid}")

    def lay(self, name: str) -> None:
        """From now on the first process that comes there is struck."""
        action = self.draw.choice(_ACTIONS)
        draft = self.folder / "draft"
        draft.write_text(action, encoding="utf-8")
        draft.rename(self.folder / name)

    def _taken(self, name: str) -> bool:
        if (self.folder / name).exists():
            return False
        found = list((self.folder / TAKEN).glob(f"{name}.*"))
        if any(path.read_text(encoding="utf-8") == _STOP for path in found):
            return False  # and still sleeps
        for path in found:
            path.unlink()
        self.struck[name] += 1
        return True

    @contextmanager
    def awake(self) -> Iterator[None]:
        """While the block runs, who was stopped is told to go on after a while: also one for whom
        the harness itself waits."""
        done = threading.Event()

        def watch() -> None:
            draw = random.Random(self.draw.random())
            while not done.wait(_LOOK_SECONDS):
                for path in sorted((self.folder / TAKEN).glob("*.*")):
                    pid = int(path.suffix[1:])
                    if path.read_text(encoding="utf-8") == _STOP and _sleeps(pid):
                        wait_for(draw.uniform(*_STOPPED_SECONDS))
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGCONT)
                        path.write_text("went on", encoding="utf-8")

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _sleeps(pid: int) -> bool:
    """Whether the process was stopped, or is gone for good; it may be about to be stopped."""
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return True
    return bool(status in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE})
