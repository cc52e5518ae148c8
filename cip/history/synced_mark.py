"""The newest version of a Delta table that is on the disk: nobody may take back what is marked.

It lies in the folder of the table's log, so that a copy of the table has the mark that it had.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from cip.durable import sync

_NAME: Final = "_synced"
_LENGTH: Final = 20


def marked(folder: Path) -> int:
    """-1 where nothing was marked."""
    try:
        return _number((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return -1


def mark(folder: Path, version: int) -> None:
    """To be called once all up to `version` is synced. Never goes back, whoever marks meanwhile.

    The record is overwritten in place: it is far smaller than a sector, and both the older and
    the newer one are true.
    """
    descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        before = _number(os.pread(descriptor, _LENGTH, 0))
        if version > before:
            os.pwrite(descriptor, f"{version:0{_LENGTH}d}".encode(), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if before < 0:
        sync(folder)


def _number(content: bytes) -> int:
    """A first record may have been cut; a later one cannot be."""
    return int(content) if len(content) == _LENGTH and content.isdigit() else -1
