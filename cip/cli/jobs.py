"""`cip jobs`: Celery workers and the schedule, in the foreground."""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cip import logs
from cip.cli.guarded import die_with_parent
from cip.cli.readiness import announce
from cip.cli.shell import EXIT_USAGE, explained, fail, read_settings
from cip.cli.waiting import await_redis


class Queue(StrEnum):
    INTERACTIVE = "interactive"
    HEAVY = "heavy"
    ALL = "all"
    NONE = "none"


def jobs(
    queue: Annotated[Queue, typer.Option(help="Which queue to work on.")] = Queue.ALL,
    beat: Annotated[
        bool, typer.Option("--beat", help="Also run the schedule (once per installation).")
    ] = False,
    ready_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Work on queued computations until SIGTERM; what is under way goes back to its queue."""
    if queue is Queue.NONE and not beat:
        fail("nothing to do: give a --queue, or --beat.", EXIT_USAGE)
    settings = read_settings()
    logs.configure("beat" if queue is Queue.NONE else f"jobs-{queue}")
    with explained():
        await_redis(settings)
        _run(queue, beat, ready_file)


def _run(queue: Queue, beat: bool, ready_file: Path | None) -> None:
    from cip.cli.worker import app  # heavy: brings the models along

    _connect_signals(ready_file)
    if queue is Queue.NONE:
        app.start(_beat_arguments())
    else:
        app.worker_main(_worker_arguments(queue, beat))


def _beat_arguments() -> list[str]:
    # The schedule's memory lives in Redis (a lease per task and due time): no file is kept that
    # a kill could leave half written.
    return [
        "--quiet",
        "beat",
        "--scheduler",
        "celery.beat:Scheduler",
        "--pidfile",
        "",
        "--loglevel",
        "INFO",
    ]


def _worker_arguments(queue: Queue, beat: bool) -> list[str]:
    queues = "interactive,heavy" if queue is Queue.ALL else queue.value
    arguments = ["--quiet", "worker", "--queues", queues, "--concurrency", str(_processes(queue))]
    arguments += ["--hostname", f"{queue}-{os.getpid()}@%h", "--loglevel", "INFO"]
    # Nobody listens to gossip here, and mingling costs each start a second.
    arguments += ["--without-gossip", "--without-mingle"]
    if beat:
        arguments += ["--beat", "--scheduler", "celery.beat:Scheduler"]
    return arguments


def _processes(queue: Queue) -> int:
    """Half the cores for what a person waits for, a quarter for the rest."""
    cores = os.cpu_count() or 1
    return max(1, cores // 4) if queue is Queue.HEAVY else max(2, cores // 2)


def _connect_signals(ready_file: Path | None) -> None:
    from celery import signals

    worker = os.getpid()

    def say_ready(**_details: Any) -> None:
        announce(ready_file)

    def end_with_the_worker(**_details: Any) -> None:
        die_with_parent(worker, signal.SIGKILL)

    signals.worker_ready.connect(say_ready, weak=False)
    signals.beat_init.connect(say_ready, weak=False)
    signals.worker_process_init.connect(end_with_the_worker, weak=False)
