"""`cip ingest`: the consumers of the event streams, in the foreground."""

from __future__ import annotations

from cip import logs
from cip.cli.shell import explained, read_settings
from cip.cli.waiting import await_redis


def ingest() -> None:
    """Move accepted events into the live counters and the history until SIGTERM."""
    from cip.ingest.process import run  # heavy: only this command needs the history

    settings = read_settings()
    logs.configure("ingest")
    with explained():
        await_redis(settings)
        run(settings.redis_url, settings.history_url)
