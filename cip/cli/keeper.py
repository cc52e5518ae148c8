"""Keeps the supervisor's process: starts it, starts it again, and stops it with all it runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from typing import IO

from cip.cli.shell import say

# The slowest program's grace for each of the two groups, and some room.
_STOP_SECONDS = 45.0


class Supervisor:
    """The supervisord process. It holds the lock of the data folder for as long as it lives."""

    def __init__(self, command: Sequence[str], lock: IO[str]) -> None:
        self._command = command
        self._lock = lock
        self._process = self._start()

    def keep(self) -> None:
        """Start it again should it have died (its programs end with it)."""
        if self._process.poll() is not None:
            say(f"The supervisor ended (status {self._process.returncode}); starting it again.")
            time.sleep(1.0)
            self._process = self._start()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches `cip up` alone, which then stops all in order.
        return subprocess.Popen(  # noqa: S603 - our own command
            self._command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(self._lock.fileno(),),
        )
