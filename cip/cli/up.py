"""`cip up`: every process of the platform on one machine, under one supervisor."""

from __future__ import annotations

import fcntl
import getpass
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

import typer

from cip.cli import readiness
from cip.cli.programs import (
    Program,
    guarded,
    log_folder,
    programs,
    run_folder,
    supervisor_config,
)
from cip.cli.shell import explained, fail, read_settings, say
from cip.domain.errors import UnavailableError
from cip.settings import Settings
from cip.store import embedded

_POLL_SECONDS = 0.2
_REMIND_SECONDS = 15.0
_PREVIOUS_RUN_SECONDS = 30.0
# The slowest program's grace for each of the two groups, and some room.
_STOP_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class _Step:
    """Something to wait for: `hint` says what is missing while it is not there."""

    name: str
    ready: Callable[[], bool]
    hint: Callable[[], str]


def up(
    log_to_stdout: Annotated[
        bool, typer.Option("--log-to-stdout", help="Logs to standard output, for containers.")
    ] = False,
) -> None:
    """Start everything on this machine: Valkey, ingest, jobs, web (and, with CIP_DEMO, the demo).

    Ctrl-C or SIGTERM stops all of it cleanly. Whatever dies meanwhile is started again.
    """
    settings = read_settings()
    lock = _only_one(settings)
    _refuse_taken_port(settings)
    stop = _stop_on_signals()
    with explained():
        chosen = programs(settings, _valkey_command(settings, stop))
    config = _write_config(settings, chosen, log_to_stdout)
    command = guarded(
        (
            sys.executable,
            "-m",
            "cip.cli.supervisord",
            str(config),
            *(("--log-to-stdout",) if log_to_stdout else ()),
        )
    )
    say(f"Starting the platform. Data: {settings.home}. Logs: {_logs_are(settings, log_to_stdout)}")
    supervisor = _Supervisor(command, lock)
    try:
        if _await_ready(_steps(settings, chosen), supervisor, stop):
            _welcome(settings)
        while not stop.wait(_POLL_SECONDS):
            supervisor.keep()
    finally:
        supervisor.stop()
    say("Stopped.")


class _Supervisor:
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


def _only_one(settings: Settings) -> IO[str]:
    """The data folder's lock; a run that is just ending is waited for, a live one is respected."""
    for folder in (settings.home, run_folder(settings), log_folder(settings)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (run_folder(settings) / "up.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        pid = lock.read().strip() or "unknown"
        fail(
            f"the platform already runs (or is still stopping) on {settings.home}, pid {pid}. "
            "Stop that one first, or give this one another CIP_HOME and CIP_PORT."
        )
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _refuse_taken_port(settings: Settings) -> None:
    if not embedded.is_free(settings.port, settings.host):
        fail(
            f"port {settings.port} on {settings.host} is taken (or may not be used). "
            "Free it, or set CIP_PORT to another."
        )


def _valkey_command(settings: Settings, stop: threading.Event) -> Sequence[str] | None:
    if not settings.embedded:
        return None
    deadline = time.monotonic() + _PREVIOUS_RUN_SECONDS
    while embedded.in_use(settings.valkey_folder):
        if time.monotonic() > deadline or stop.wait(_POLL_SECONDS):
            raise UnavailableError(
                f"A Valkey server of an earlier run still uses {settings.valkey_folder}: end it."
            )
    return embedded.prepare(settings.valkey_folder).command


def _write_config(settings: Settings, chosen: Sequence[Program], log_to_stdout: bool) -> Path:
    for program in chosen:
        if program.ready_file is not None:
            program.ready_file.unlink(missing_ok=True)
    user = getpass.getuser() if os.getuid() == 0 else None
    text = supervisor_config(settings, chosen, log_to_stdout=log_to_stdout, user=user)
    path = run_folder(settings) / "supervisord.conf"
    path.write_text(text, encoding="utf-8")
    return path


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            say("Stopping …")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, request_stop)
    return stop


def _steps(settings: Settings, chosen: Sequence[Program]) -> list[_Step]:
    def see_log(name: str) -> Callable[[], str]:
        return lambda: f"see {log_folder(settings) / name}.log"

    def not_ready() -> str:
        parts = readiness.unready_parts(readiness.web_answer(settings, "/readyz")[1])
        return parts or see_log("web")()

    def on_file(path: Path) -> Callable[[], bool]:
        return lambda: readiness.announced(path)

    url = settings.redis_url
    steps = [_Step("redis", lambda: embedded.answers(url), see_log("valkey"))]
    steps += [
        _Step(program.name, on_file(program.ready_file), see_log(program.name))
        for program in chosen
        if program.ready_file is not None and program.name != "demo"
    ]
    steps += [
        _Step("web", lambda: readiness.web_answer(settings, "/healthz")[0] == 200, see_log("web")),
        _Step("ingest", lambda: readiness.web_answer(settings, "/readyz")[0] == 200, not_ready),
    ]
    steps += [
        _Step("demo", on_file(program.ready_file), see_log("demo"))
        for program in chosen
        if program.ready_file is not None and program.name == "demo"
    ]
    return steps


def _await_ready(steps: Sequence[_Step], supervisor: _Supervisor, stop: threading.Event) -> bool:
    """Whether all came up before somebody asked to stop."""
    begun = time.monotonic()
    for step in steps:
        remind_at = time.monotonic() + _REMIND_SECONDS
        while not step.ready():
            if stop.wait(_POLL_SECONDS):
                return False
            supervisor.keep()
            if time.monotonic() > remind_at:
                say(f"  {step.name:<17} still not ready: {step.hint()}")
                remind_at = time.monotonic() + _REMIND_SECONDS
        say(f"  {step.name:<17} ready ({time.monotonic() - begun:.1f} s)")
    return True


def _logs_are(settings: Settings, log_to_stdout: bool) -> str:
    return "standard output" if log_to_stdout else str(log_folder(settings))


def _welcome(settings: Settings) -> None:
    say(f"\nThe platform is ready: http://{settings.host}:{settings.port}")
    if settings.demo:
        say(_DEMO_LOGINS)
    say("Ctrl-C stops everything.")


_DEMO_LOGINS = """
Demo logins (user / password):
  admin / admin123, analyst / analyst123, viewer / viewer123   tenant demo_tenant
  enterprise / enterprise123                                   tenant enterprise
  root / root123                                               super admin of the platform
"""
