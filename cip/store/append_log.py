"""The server's own files: written anew, so that they hold nothing that was deleted."""

from __future__ import annotations

import time
from typing import Any, Final

import redis

from cip.domain.errors import UnavailableError
from cip.store.client import Redis

_WAIT_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.1
NOT_ALLOWED: Final = (
    "The server does not allow it; it writes the file anew by itself as the file grows."
)
NO_FILE: Final = "The server keeps no append-only file."


def rewrite_append_log(client: Redis) -> str:
    """Waits until the file is written anew; a note where it could not be done, else an empty one.
    Raises `UnavailableError` when the server fails to."""
    if not _persistence(client)["aof_enabled"]:
        return NO_FILE
    deadline = time.monotonic() + _WAIT_SECONDS
    try:
        while not _begun(client):
            _pause(deadline)
    except redis.ResponseError:
        return NOT_ALLOWED
    while (state := _persistence(client)) and _under_way(state):
        _pause(deadline)
    if state["aof_last_bgrewrite_status"] != "ok":
        raise UnavailableError("The server could not write its append-only file anew.")
    return ""


def _begun(client: Redis) -> bool:
    """False while one is under way that began too early."""
    if _under_way(_persistence(client)):
        return False
    client.bgrewriteaof()
    return True


def _persistence(client: Redis) -> Any:
    return client.info("persistence")


def _under_way(state: Any) -> bool:
    return bool(state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise UnavailableError("The server does not finish writing its append-only file anew.")
    time.sleep(_LOOK_SECONDS)
