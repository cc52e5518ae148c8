"""Named moments at which a test can strike a process of the running platform.

Off unless an entry point arms it, which production refuses. The harness puts a file named after a
point into the folder; the first process that comes by takes it and does what it says: `kill`
(SIGKILL), `stop` (SIGSTOP; the harness lets it go on), `error`, or `delay 0.3` (seconds).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

from cip.domain.errors import UnavailableError

POINTS: Final = frozenset(
    {
        "accept.before_parse",
        "accept.before_append",
        "accept.after_append",
        "live.after_read",
        "live.before_apply",
        "live.after_apply",
        "history.after_read",
        "history.before_commit",
        "history.after_commit",
        "history.after_sync",
        "history.after_advance",
        "trim.before",
        "trim.after",
        "compact.before",
        "compact.after",
        "letters.before_bury",
        "letters.after_bury",
        "replay.before",
        "replay.after",
        "rebuild.after_pause",
        "rebuild.before_swap",
        "rebuild.after_swap",
        "erase.after_tombstone",
        "erase.before_delete",
        "erase.after_delete",
        "erase.after_rebuild",
        "erase.before_receipt",
        "job.before_publish",
        "job.after_publish",
    }
)
TAKEN: Final = "taken"  # the folder below, where a file goes on: its name ends in `.` and the pid
_folder: Path | None = None


def arm(folder: Path | None) -> None:
    """From now on `hit` looks into the folder; forked children do too. None: off."""
    global _folder
    if folder is not None:
        (folder / TAKEN).mkdir(parents=True, exist_ok=True)
    _folder = folder


def hit(name: str) -> None:
    """The process has come to this point."""
    if _folder is not None:
        _strike(_folder, name)


def _strike(folder: Path, name: str) -> None:
    laid = folder / name
    try:
        text = laid.read_text(encoding="utf-8")
        # One process gets it: a second rename of the same file finds none.
        laid.rename(folder / TAKEN / f"{name}.{os.getpid()}")
    except FileNotFoundError:
        return
    action, _, value = text.strip().partition(" ")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "delay":
        time.sleep(float(value))
    else:
        raise UnavailableError(f"The failpoint {name} was hit.")
