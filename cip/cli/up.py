"""`cip up`: every process of the platform on one machine, under one supervisor."""

from __future__ import annotations

import fcntl
import getpass
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated

import typer

from cip.cli.keeper import Supervisor
from cip.cli.programs import (
    Program,
    guarded,
    log_folder,
    programs,
    run_folder,
    supervisor_config,
)
from cip.cli.shell import explained, fail, read_settings, say
from cip.cli.startup import await_ready, steps
from cip.domain.errors import UnavailableError
from cip.settings import Settings
from cip.stopping import StopRequest
from cip.store import embedded

_POLL_SECONDS = 0.2
_PREVIOUS_RUN_SECONDS = 30.0


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
        ),
        parent=os.getpid(),
    )
    say(f"Starting the platform. Data: {settings.home}. Logs: {_logs_are(settings, log_to_stdout)}")
    supervisor = Supervisor(command, lock)
    try:
        if await_ready(steps(settings, chosen), supervisor.keep, stop):
            _welcome(settings)
        while not stop.wait(_POLL_SECONDS):
            supervisor.keep()
    finally:
        say("Stopping …")
        supervisor.stop()
    say("Stopped.")


def _only_one(settings: Settings) -> IO[str]:
    """The data folder's lock. Refuses beside a live run; waits for the remains of a killed one."""
    for folder in (settings.home, run_folder(settings), log_folder(settings)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (run_folder(settings) / "up.lock").open("a+", encoding="ascii")
    deadline = time.monotonic() + _PREVIOUS_RUN_SECONDS
    while not _locked(lock):
        lock.seek(0)
        holder = lock.read().strip()
        if _alive(holder) or time.monotonic() > deadline:
            fail(
                f"the platform already runs (or is still stopping) on {settings.home}, pid "
                f"{holder}. Stop it first, or give this one another CIP_HOME and CIP_PORT."
            )
        time.sleep(_POLL_SECONDS)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass  # somebody else's, and alive
    return True


def _refuse_taken_port(settings: Settings) -> None:
    if not embedded.is_free(settings.port, settings.host):
        fail(
            f"port {settings.port} on {settings.host} is taken (or may not be used). "
            "Free it, or set CIP_PORT to another."
        )


def _valkey_command(settings: Settings, stop: StopRequest) -> Sequence[str] | None:
    if not settings.embedded:
        return None
    deadline = time.monotonic() + _PREVIOUS_RUN_SECONDS
    while embedded.in_use(settings.valkey_folder):
        if time.monotonic() > deadline or stop.wait(_POLL_SECONDS):
            raise UnavailableError(
                f"A Valkey server of an earlier run still uses {settings.valkey_folder}: end it."
            )
    memory_mb = settings.embedded_memory_mb
    return embedded.prepare(settings.valkey_folder, memory_mb=memory_mb).command


def _write_config(settings: Settings, chosen: Sequence[Program], log_to_stdout: bool) -> Path:
    for program in chosen:
        if program.ready_file is not None:
            program.ready_file.unlink(missing_ok=True)
    user = getpass.getuser() if os.getuid() == 0 else None
    text = supervisor_config(settings, chosen, log_to_stdout=log_to_stdout, user=user)
    path = run_folder(settings) / "supervisord.conf"
    path.write_text(text, encoding="utf-8")
    return path


def _stop_on_signals() -> StopRequest:
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` leaves it
        numbers.append(signal.SIGHUP)
    return StopRequest.on_signals(*numbers)


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
