"""Files and folders that outlast a power cut: what was synced, and whose name was."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """A file's content, or a folder's entries, are on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """A folder of the owner's alone, that is there after a power cut too.

    A new folder's name is an entry of the one above it, whose own name may be new as well. So all
    of them are synced, each time: who made them may have been killed before.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (path, *path.absolute().parents):
        try:
            sync(folder)
        except OSError:
            return  # somebody else's, or of a kind that is not synced: it was there before
