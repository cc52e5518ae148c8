"""The lock by which imports and maintenance of one tenant's history take turns on a machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NAME: Final = "writer.lock"


@contextmanager
def writer_lock(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Yields whether it is held: without `wait` somebody else may have it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
