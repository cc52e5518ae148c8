"""When a step of a tenant may be tried again, and when its failures become an alarm."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from cip.domain.errors import CipError, UnavailableError
from cip.domain.event_flow import Alarm
from cip.store.alarms import Alarms
from cip.store.client import AWAY

ALARM_TRIES: Final = 5
STOPPED_SECONDS: Final = 30.0
LONGEST_BACKOFF_SECONDS: Final = 5.0
_FIRST_BACKOFF_SECONDS: Final = 0.2
# The store is away, or refuses everybody's writes: no tenant's own trouble.
_STORE: Final = (*AWAY, OutOfMemoryError, ReadOnlyError, UnavailableError)
_LONGEST_MESSAGE: Final = 200

log = structlog.get_logger(__name__)


class Turn:
    """Of one step of one tenant: its failures slow down nothing else.

    After five failures in a row that are not the store's, the step is stopped: tried again every
    30 seconds, with an alarm, until it succeeds. Nothing is dropped: the group stays where it is.
    Without `alarms` it is only slowed down.
    """

    def __init__(self, step: str, alarms: Alarms | None, clock: Callable[[], datetime]) -> None:
        self._step = step
        self._alarms = alarms
        self._clock = clock
        self._not_before = 0.0
        self._failures = 0
        self._tries = 0
        self._since: datetime | None = None
        # One of a predecessor may stand: the first success ends it.
        self._alarmed = alarms is not None
        self._logged = False

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._not_before

    def succeeded(self) -> None:
        self._failures = self._tries = 0
        self._since = None
        self._logged = False
        if self._alarmed and self._alarms is not None:
            with suppress(RedisError):  # the next success tries again
                self._alarms.end(self._step)
                self._alarmed = False

    def failed(self, error: Exception) -> None:
        self._failures += 1
        if not isinstance(error, _STORE):
            self._tries += 1
            self._since = self._since or self._clock()
        stopped = self._tries >= ALARM_TRIES
        if stopped:
            self._alarm(error)
        self._not_before = time.monotonic() + (STOPPED_SECONDS if stopped else self._backoff())

    def _backoff(self) -> float:
        ceiling = _FIRST_BACKOFF_SECONDS * 2 ** min(self._failures, 6)
        ceiling = min(LONGEST_BACKOFF_SECONDS, ceiling)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter

    def _alarm(self, error: Exception) -> None:
        if self._alarms is None or self._since is None:
            return
        alarm = Alarm(self._since, self._tries, type(error).__name__, told(error))
        if not self._logged:
            log.error("group stopped", step=self._step, tenant=self._alarms.tenant, kind=alarm.kind)
            self._logged = True
        self._alarmed = True
        with suppress(RedisError):  # the next try raises it
            self._alarms.keep(self._step, alarm)


def told(error: Exception) -> str:
    """What may be shown of an error: our own words, the system's, the store's. A library's may
    hold what a customer sent."""
    if isinstance(error, CipError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ResponseError):
        return str(error)[:_LONGEST_MESSAGE]
    return "See the log of the ingest process."
