"""The processes of one `cip up`: started, told apart by their role, and counted to the last."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # ships no types

from tests.waiting import wait_until

# How many processes of each role a platform at rest has, and what their command lines hold.
# The children of gunicorn and of Celery have the command line of their parent.
_COMMANDS: Final = {
    "valkey": ("valkey-server",),
    "ingest": ("cip.cli.main", "ingest"),
    "web": ("gunicorn",),
    "jobs-interactive": ("jobs", "--queue", "interactive"),
    "jobs-heavy": ("jobs", "--queue", "heavy"),
    "beat": ("jobs", "--queue", "none", "--beat"),
}
_CHILDREN: Final = {"web": 2, "jobs-interactive": 2, "jobs-heavy": 1}
STOP_SECONDS: Final = 60.0
READY_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Member:
    """One process. `started` tells it from a later one with the same pid."""

    pid: int
    started: float
    role: str
    children: tuple[tuple[int, float], ...] = ()

    @property
    def identity(self) -> tuple[int, float]:
        return self.pid, self.started

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Running:
    """A `cip up` on a data folder and a port of its own."""

    process: subprocess.Popen[bytes]
    home: Path
    port: int

    @property
    def redis_url(self) -> str:
        return (self.home / "valkey" / "url").read_text(encoding="utf-8").strip()

    @property
    def history_root(self) -> str:
        return str(self.home / "history")

    def output(self) -> str:
        return (self.home.parent / "up.out").read_text(encoding="utf-8")

    def ready(self) -> bool:
        return get(self.port, "/readyz") == 200

    def supervisor(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                if "cip.cli.supervisord" in " ".join(child.cmdline()):
                    return child
        return None

    def members(self) -> list[Member]:
        """What the supervisor runs, and their children, as one reading of the process table."""
        supervisor = self.supervisor()
        found: list[Member] = []
        with contextlib.suppress(psutil.Error):
            for parent in supervisor.children() if supervisor else ():
                found += _family(parent)
        return found

    def complete(self) -> bool:
        """Whether every role has all its processes."""
        roles = [member.role for member in self.members()]
        wanted = {**dict.fromkeys(_COMMANDS, 1), **{f"{k} child": n for k, n in _CHILDREN.items()}}
        return all(roles.count(role) == number for role, number in wanted.items())

    def everyone(self) -> list[int]:
        """Every process of this platform, orphans too: each has the folder in its environment."""
        mark = f"CIP_HOME={self.home}".encode()
        return [pid for pid in psutil.pids() if mark in _environment(pid)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status of `cip up`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def spawn(home: Path, port: int) -> Running:
    """Start `cip up` and do not wait for it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CIP_")}
    with (home.parent / "up.out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "cip.cli.main", "up"],
            env={**environ, "CIP_HOME": str(home), "CIP_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Running(process, home, port)


def start(home: Path, port: int) -> Running:
    """Start `cip up` and wait until it says that it is ready."""
    running = spawn(home, port)
    wait_until(
        lambda: "is ready" in running.output() or running.process.poll() is not None,
        READY_SECONDS,
        "cip up ready",
    )
    assert running.process.poll() is None, running.output()
    return running


@contextlib.contextmanager
def platform(home: Path, port: int) -> Iterator[Running]:
    """A platform that is gone after the block, whatever happened inside."""
    running = start(home, port)
    try:
        yield running
    finally:
        end(running)


def end(running: Running) -> None:
    """Leave nothing behind, politely if possible."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.stop()
    for pid in running.everyone():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.process.wait(STOP_SECONDS)


def alive(identity: tuple[int, float]) -> bool:
    """Whether that very process still runs (a zombie does not)."""
    try:
        process = psutil.Process(identity[0])
        return bool(
            process.create_time() == identity[1] and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False


def get(port: int, path: str) -> int:
    """The status of a GET; 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _family(parent: psutil.Process) -> list[Member]:
    """A supervised process and its children; empty while it is still becoming what it will be."""
    with contextlib.suppress(psutil.Error):
        role = _role(parent.cmdline())
        if role is not None and parent.status() != psutil.STATUS_ZOMBIE:
            children = [(child.pid, child.create_time()) for child in _living(parent)]
            return [
                Member(parent.pid, parent.create_time(), role, tuple(children)),
                *(Member(pid, started, f"{role} child") for pid, started in children),
            ]
    return []


def _living(parent: psutil.Process) -> list[psutil.Process]:
    return [child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE]


def _role(command: list[str]) -> str | None:
    if "cip.cli.guarded" in command:
        return None
    text = " ".join(command)
    return next((role for role, parts in _COMMANDS.items() if " ".join(parts) in text), None)


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
