"""Connections to Redis: one kind for reads, one for writes, both with short timeouts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

from cip.domain.errors import UnavailableError

Redis = redis.Redis

TIMEOUT_SECONDS: Final = 0.5
CONSUMER_TIMEOUT_SECONDS: Final = 5.0
POOL_SIZE: Final = 32

# What redis-py raises when the server is away, stalled, loading or out of memory.
AWAY: Final = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.BusyLoadingError)


def connect(url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Redis:
    """For reads: a lost connection is tried once more, which a read may be."""
    retry = Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), 1)
    return _client(url, retry, timeout_seconds)


def connect_for_writes(url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Redis:
    """For writes: never repeated blindly. redis-py's default retry writes an entry twice when the
    server stalls after it executed the first try."""
    return _client(url, Retry(NoBackoff(), 0), timeout_seconds)


def _client(url: str, retry: Retry, timeout_seconds: float) -> Redis:
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "max_connections": POOL_SIZE,
        "retry": retry,
    }
    return redis.Redis.from_url(url, **options)


@contextmanager
def required() -> Iterator[None]:
    """Turns an absent Redis into `UnavailableError` (503): for writes, login and the guard."""
    try:
        yield
    except AWAY as error:
        raise UnavailableError("The data store does not answer. Try again shortly.") from error
    except redis.exceptions.OutOfMemoryError as error:
        raise UnavailableError(
            "The data store is full; nothing was written.", retry_after_seconds=30
        ) from error
