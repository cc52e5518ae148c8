"""Which processes `cip up` runs, and the supervisor's configuration for them: pure text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cip.settings import Settings

_LOG_BYTES = "10MB"
_LOG_BACKUPS = 5
# The supervisor waits one second longer after each failed start in a row. There is no number of
# failures after which a self-hosted platform would rather stay down, so the count is out of reach.
_NEVER_GIVE_UP = 1_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process. `grace_seconds` lie between SIGTERM and SIGKILL."""

    name: str
    command: tuple[str, ...]
    grace_seconds: int
    ready_file: Path | None = None


def run_folder(settings: Settings) -> Path:
    return settings.home / "run"


def log_folder(settings: Settings) -> Path:
    return settings.home / "logs"


def own_command(*arguments: str) -> tuple[str, ...]:
    """A `cip` command by this very interpreter, whatever PATH says."""
    return (sys.executable, "-m", "cip.cli.main", *arguments)


def guarded(
    command: Sequence[str], *, parent: int | None = None, lock: Path | None = None
) -> tuple[str, ...]:
    """The command in a form that ends with its parent: the one named, or else the supervisor."""
    options = ["--parent", "session" if parent is None else str(parent)]
    if lock is not None:
        options += ["--lock", str(lock)]
    return (sys.executable, "-m", "cip.cli.guarded", *options, "--", *command)


def programs(settings: Settings, valkey: Sequence[str] | None) -> list[Program]:
    """What to run; `valkey` is the embedded server's command, if one is wanted."""
    chosen = [
        _announced(settings, "jobs-interactive", ("jobs", "--queue", "interactive"), 15),
        _announced(settings, "jobs-heavy", ("jobs", "--queue", "heavy"), 15),
        _announced(settings, "beat", ("jobs", "--queue", "none", "--beat"), 10),
        Program("ingest", guarded(own_command("ingest")), 15),
        Program("web", guarded(own_command("web")), 15),
    ]
    if settings.demo:
        chosen.append(_announced(settings, "demo", ("demo", "--stream"), 10))
    if valkey is not None:
        lock = settings.valkey_folder / "lock"
        chosen.insert(0, Program("valkey", guarded(valkey, lock=lock), 15))
    return chosen


def supervisor_config(
    settings: Settings, chosen: Sequence[Program], *, log_to_stdout: bool, user: str | None
) -> str:
    """The text of `supervisord.conf`. Valkey is started first and stopped last."""
    others = ",".join(program.name for program in chosen if program.name != "valkey")
    sections = [
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "silent": "true",
                "nocleanup": "true",
                "pidfile": str(run_folder(settings) / "supervisord.pid"),
                "logfile": str(log_folder(settings) / "supervisor.log"),
                "logfile_maxbytes": _LOG_BYTES,
                "logfile_backups": str(_LOG_BACKUPS),
                **({"user": user} if user else {}),
            },
        ),
        _section("group:platform", {"programs": others, "priority": "20"}),
    ]
    sections += [_program(settings, program, log_to_stdout) for program in chosen]
    return "\n".join(sections)


def _announced(
    settings: Settings, name: str, arguments: tuple[str, ...], grace_seconds: int
) -> Program:
    """A process that writes a file once it serves, since nothing else can be asked of it."""
    ready = run_folder(settings) / f"{name}.ready"
    command = own_command(*arguments, "--ready-file", str(ready))
    return Program(name, guarded(command), grace_seconds, ready)


def _program(settings: Settings, program: Program, log_to_stdout: bool) -> str:
    log = {"stdout_logfile": "/dev/fd/1", "stdout_logfile_maxbytes": "0"}
    if not log_to_stdout:
        log = {
            "stdout_logfile": str(log_folder(settings) / f"{program.name}.log"),
            "stdout_logfile_maxbytes": _LOG_BYTES,
            "stdout_logfile_backups": str(_LOG_BACKUPS),
        }
    return _section(
        f"program:{program.name}",
        {
            "command": shlex.join(program.command),
            "priority": "10" if program.name == "valkey" else "20",
            "autorestart": "true",
            "startsecs": "3",
            "startretries": str(_NEVER_GIVE_UP),
            "stopsignal": "TERM",
            "stopwaitsecs": str(program.grace_seconds),
            "killasgroup": "true",
            "redirect_stderr": "true",
            **log,
        },
    )


def _section(name: str, values: dict[str, str]) -> str:
    # The supervisor expands %(name)s in values.
    lines = (f"{key}={value.replace('%', '%%')}" for key, value in values.items())
    return "\n".join((f"[{name}]", *lines, ""))
