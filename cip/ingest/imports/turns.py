"""Imports of a tenant, and what must not meet one, take turns."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cip.history.table import HistoryTable

_LOCK: Final = "import.lock"


@contextmanager
def turn(table: HistoryTable) -> Iterator[None]:
    """One import of a tenant at a time: what is new is decided and committed undisturbed."""
    table.folder.mkdir(parents=True, exist_ok=True)
    with (table.folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
