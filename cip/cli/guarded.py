"""Starts a program that ends when its parent does:
`python -m cip.cli.guarded --parent PID|session [--lock F] -- …`.

The standard library alone: this runs once per supervised process, before it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_LOCK_PATIENCE_SECONDS = 30.0


def die_with_parent(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to send this process a signal when its parent is gone (Linux only).

    `parent` is named by whoever knows it for sure: asked for here it could be gone already.
    On other systems a killed supervisor leaves its programs behind; the lock of the data folder
    and the taken port then make the next start say so.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(f"the parent of {sys.argv[-1]} ended before it began")


def hold_lock(path: str) -> None:
    """Lock a file for as long as this program, and what it becomes, runs."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while not _locked(descriptor):
        if time.monotonic() > deadline:
            sys.exit(f"{path} is held by a process of an earlier run")
        time.sleep(0.1)
    os.set_inheritable(descriptor, True)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main(arguments: list[str]) -> None:
    cut = arguments.index("--")
    options, command = arguments[:cut], arguments[cut + 1 :]
    values = dict(zip(options[::2], options[1::2], strict=True))
    parent = values["--parent"]
    # The supervisor leads the session that its programs are in.
    die_with_parent(os.getsid(0) if parent == "session" else int(parent))
    if "--lock" in values:
        hold_lock(values["--lock"])
    os.execv(command[0], command)  # noqa: S606 - a program of ours, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
