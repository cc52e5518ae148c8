"""The web server's request bodies, under a deadline: no sender holds a thread as long as it likes.

gunicorn bounds neither a read nor how often a dripping sender starts it anew. `install` is its
`pre_request` hook, `linger` its `post_request` hook.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import Any, Final

# What is not read by us, gunicorn reads and drops before the connection's next request.
LEFT_SECONDS: Final = 2.0
# A body that was on its way when its headers came is there by then; all others are slow ones.
PROMPT_SECONDS: Final = 0.5
# While as many are slow as may be: a crowd of them is turned away before others miss the threads.
HURRIED_SECONDS: Final = 0.1
# Half of a process's threads: the others are for whoever does not let us wait.
SLOW_AT_ONCE: Final = 4
# After an answer that ends the connection: an honest client closes it at once.
LINGER_SECONDS: Final = 0.1
_PIECE_BYTES: Final = 65_536

_slow_places = BoundedSemaphore(SLOW_AT_ONCE)  # threads are the process's


def _prompt_seconds() -> float:
    if not _slow_places.acquire(blocking=False):
        return HURRIED_SECONDS
    _slow_places.release()
    return PROMPT_SECONDS


class _Timed:
    """Stands for the connection's socket during one read of a body."""

    def __init__(self, sock: socket.socket, prompt: float, until: float) -> None:
        self._sock = sock
        self._prompt = prompt
        self._until = until
        self.slow = False

    def recv(self, size: int) -> bytes:
        if not self.slow:
            with suppress(TimeoutError, BlockingIOError):
                return self._before(self._prompt, size)
            if not _slow_places.acquire(blocking=False):
                raise TimeoutError
            self.slow = True
        return self._before(self._until, size)

    def _before(self, end: float, size: int) -> bytes:
        now = time.monotonic()
        if now >= self._until:
            raise TimeoutError
        # Where the process was busy meanwhile, what has come by now is not late.
        self._sock.settimeout(max(end - now, 0.0))
        return self._sock.recv(size)


class TimedBody:
    """Around gunicorn's body. Raises `TimeoutError` once the time for all of it is over, or at
    once where too many are slow."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._body = request.body
        self._started: float | None = None
        self._seconds = LEFT_SECONDS

    @property
    def failed(self) -> bool:
        """Where the connection's next request starts is unknown then."""
        return bool(self._body.failed)

    def allow(self, seconds: float) -> None:
        """All that is read from now on has this long, together."""
        self._started, self._seconds = time.monotonic(), seconds

    def close_after(self) -> None:
        """The answer says that the connection ends with it."""
        self._request.force_close()

    def read(self, size: int | None = None) -> bytes:
        with self._timed():
            return bytes(self._body.read(size))

    def readline(self, size: int | None = None) -> bytes:
        with self._timed():
            return bytes(self._body.readline(size))

    def readlines(self, size: int | None = None) -> list[bytes]:
        with self._timed():
            return list(self._body.readlines(size))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @contextmanager
    def _timed(self) -> Iterator[None]:
        if self._started is None:
            self.allow(self._seconds)
        started = self._started or 0.0
        unreader = self._request.unreader
        sock = unreader.sock
        before = sock.gettimeout()
        timed = _Timed(sock, started + _prompt_seconds(), started + self._seconds)
        unreader.sock = timed
        try:
            yield
        finally:
            unreader.sock = sock
            if self.failed:
                self.close_after()
            if timed.slow:
                _slow_places.release()
            with suppress(OSError):
                sock.settimeout(before)


def install(_worker: object, request: Any) -> None:
    request.body = TimedBody(request)


def linger(_worker: object, request: Any, environ: dict[str, Any], answer: Any) -> None:
    """Ends a connection whose sender may not have stopped. gunicorn would wait for that, for two
    seconds each, in the one thread that accepts connections."""
    sock = environ.get("gunicorn.socket")
    if sock is None or not (answer.should_close() or request.body.failed):
        return
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        end = time.monotonic() + LINGER_SECONDS
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(_PIECE_BYTES):
                break
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
