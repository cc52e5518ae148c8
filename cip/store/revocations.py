"""The log of what outdates tokens, and what a worker knows of it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal

from cip.domain.errors import UnavailableError
from cip.store import keys
from cip.store.client import Redis, required

Kind = Literal["user", "tenant", "session", "key"]

POLL_SECONDS: Final = 0.5
# A worker that has not heard for longer knows nothing, and refuses everybody.
STALE_SECONDS: Final = 1.0
# Longer than any access token lives.
KEPT_MS: Final = 25 * 3_600_000
# Outdates whatever was ever issued.
ALL: Final = 2**53
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Revocation:
    """Tokens of `name` that were issued before its `epoch` are not valid any more."""

    kind: Kind
    name: str
    epoch: int


class Revocations:
    """What one process knows: asked on every request, read from Redis every half second.

    `look` raises `UnavailableError` once the last good reading is more than a second old."""

    def __init__(self, reads: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._reads = reads
        self._clock = clock
        self._epochs: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._position = "-"
        self._good = float("-inf")
        self._failed = float("-inf")
        self._lock = Lock()

    def look(self) -> None:
        """Makes sure that what is known is fresh enough to answer by."""
        asked = self._clock()
        age = asked - self._good
        # One thread reads; the others go on while what is known is still good.
        if age <= POLL_SECONDS or not self._lock.acquire(blocking=age > STALE_SECONDS):
            return
        try:
            self._poll(asked)
        except UnavailableError:
            if self._clock() - self._good > STALE_SECONDS:
                raise
        finally:
            self._lock.release()

    def _poll(self, asked: float) -> None:
        """Reads unless another thread did while this one, who asked then, has waited for it."""
        begun = self._clock()
        if begun - self._good <= POLL_SECONDS:
            return
        # Else each of those who wait would wait for a time-out of its own, one after the other.
        if asked < self._failed:
            raise UnavailableError("The data store does not answer. Try again shortly.")
        try:
            self._read()
        except UnavailableError:
            self._failed = self._clock()
            raise
        self._good = begun

    def outdated(self, kind: Kind, name: str, epoch: int) -> bool:
        """Whether a token of this epoch has been revoked."""
        known = self._epochs.get((kind, name))
        return known is not None and epoch < known[0]

    def _read(self) -> None:
        while True:
            with required():
                entries: Any = self._reads.xrange(
                    keys.REVOCATIONS, min=self._position, count=_BATCH
                )
            for entry_id, fields in entries:
                self._position = f"({entry_id.decode()}"
                self._learn(entry_id, fields)
            if len(entries) < _BATCH:
                break
        self._forget()

    def _learn(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        name = (fields[b"kind"].decode(), fields[b"name"].decode())
        epoch = max(int(fields[b"epoch"]), self._epochs.get(name, (0, 0))[0])
        self._epochs[name] = (epoch, int(entry_id.split(b"-")[0]))
        self._epochs.move_to_end(name)

    def _forget(self) -> None:
        """Drops what outdates no token that could still be alive, by the newest entry's time."""
        while self._epochs:
            newest = next(reversed(self._epochs.values()))[1]
            first, (_, at) = next(iter(self._epochs.items()))
            if newest - at <= KEPT_MS:
                return
            del self._epochs[first]
