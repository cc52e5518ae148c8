"""Waits for Redis, so that the processes may be started in any order."""

from __future__ import annotations

import time

import structlog

from cip.settings import Settings
from cip.store.embedded import answers

_LONGEST_PAUSE_SECONDS = 2.0


def await_redis(settings: Settings) -> None:
    """Return once the server answers. SIGTERM ends the process as it would anyway."""
    log = structlog.get_logger(__name__)
    pause = 0.05
    while not answers(settings.redis_url):
        if pause >= _LONGEST_PAUSE_SECONDS:
            log.warning("redis_does_not_answer")
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
