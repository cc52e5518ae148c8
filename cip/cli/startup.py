"""What `cip up` waits for before it says that the platform is ready, one step after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cip.cli import readiness
from cip.cli.programs import Program, log_folder
from cip.cli.shell import say
from cip.settings import Settings
from cip.stopping import StopRequest
from cip.store import embedded

_POLL_SECONDS = 0.2
_REMIND_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Step:
    """Something to wait for: `hint` says what is missing while it is not there."""

    name: str
    ready: Callable[[], bool]
    hint: Callable[[], str]


def steps(settings: Settings, chosen: Sequence[Program]) -> list[Step]:
    def see_log(name: str) -> Callable[[], str]:
        return lambda: f"see {log_folder(settings) / name}.log"

    def not_ready() -> str:
        parts = readiness.unready_parts(readiness.web_answer(settings, "/readyz")[1])
        return parts or see_log("web")()

    def on_file(path: Path) -> Callable[[], bool]:
        return lambda: readiness.announced(path)

    url = settings.redis_url
    chain = [Step("redis", lambda: embedded.answers(url), see_log("valkey"))]
    chain += [
        Step(program.name, on_file(program.ready_file), see_log(program.name))
        for program in chosen
        if program.ready_file is not None and program.name != "demo"
    ]
    chain += [
        Step("web", lambda: readiness.web_answer(settings, "/healthz")[0] == 200, see_log("web")),
        Step("ingest", lambda: readiness.web_answer(settings, "/readyz")[0] == 200, not_ready),
    ]
    chain += [
        Step("demo", on_file(program.ready_file), lambda: "the first start seeds 180 days")
        for program in chosen
        if program.ready_file is not None and program.name == "demo"
    ]
    return chain


def await_ready(steps: Sequence[Step], keep: Callable[[], None], stop: StopRequest) -> bool:
    """Whether all came up before somebody asked to stop. `keep` is called while it waits."""
    begun = time.monotonic()
    for step in steps:
        remind_at = time.monotonic() + _REMIND_SECONDS
        while not step.ready():
            if stop.wait(_POLL_SECONDS):
                return False
            keep()
            if time.monotonic() > remind_at:
                say(f"  {step.name:<17} still not ready: {step.hint()}")
                remind_at = time.monotonic() + _REMIND_SECONDS
        say(f"  {step.name:<17} ready ({time.monotonic() - begun:.1f} s)")
    return True
