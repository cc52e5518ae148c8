"""The processes of one `cip up`: started, told apart by their role, and counted to the last."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # ships no types

from tests.faults.diverting import Diversion
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
READY_SECONDS: Final = 180.0


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
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        _send(self.pid, number)


@dataclass(slots=True)
class Running:
    """A `cip up` on a data folder and a port of its own. `more` is added to its environment."""

    process: subprocess.Popen[bytes]
    home: Path
    port: int
    more: Mapping[str, str] = field(default_factory=dict)
    diversion: Diversion | None = None

    @property
    def redis_url(self) -> str:
        """The server's own, whatever the platform's processes are told."""
        text = (self.home / "valkey" / "url").read_text(encoding="utf-8").strip()
        return self.diversion.straight(text) if self.diversion else text

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

    def end_at_once(self) -> None:
        """As when the power goes: nobody sees another one's death."""
        mine = self.everyone()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in mine:
                _send(pid, number)
            mine = self.everyone()
        self.process.wait(STOP_SECONDS)
        wait_until(lambda: not self.everyone(), STOP_SECONDS, "all processes gone")

    def restart(self) -> None:
        """`cip up` again on the same folder; does not wait for it."""
        self.process = _spawn(self.home, self.port, self.more)

    def command(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A `cip` command in the platform's environment."""
        return _command(self.home, self.port, self.more, *arguments)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status of `cip up`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def spawn(home: Path, port: int, more: Mapping[str, str] | None = None) -> Running:
    """Start `cip up` and do not wait for it."""
    return Running(_spawn(home, port, more or {}), home, port, more or {})


def start(home: Path, port: int, more: Mapping[str, str] | None = None) -> Running:
    """Start `cip up` and wait until it says that it is ready."""
    running = spawn(home, port, more)
    try:
        wait_until(
            lambda: "is ready" in running.output() or running.process.poll() is not None,
            READY_SECONDS,
            "cip up ready",
        )
        assert running.process.poll() is None, running.output()
    except AssertionError:
        end(running)
        raise
    return running


def _spawn(home: Path, port: int, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return _command(home, port, more, "up")


def _command(
    home: Path, port: int, more: Mapping[str, str], *arguments: str
) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CIP_")}
    with (home.parent / f"{arguments[0]}.out").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "cip.cli.main", *arguments],
            env={**environ, **more, "CIP_HOME": str(home), "CIP_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )


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
        _send(pid, signal.SIGKILL)
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


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


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
