"""A Delta table and the power cut: what is synced of its versions, and what is left of torn ones.

delta-rs syncs nothing. A version counts as kept only when it was synced and marked here; one that
was not may be there after a power cut in part: its file of the log, or a data file, empty or cut
short, or with a gap before it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog

from cip.domain.errors import CipError
from cip.durable import sync
from cip.history.log_files import (
    added_files,
    is_parquet,
    is_whole,
    log_file,
    newest_checkpoint,
    newest_log,
    read_log,
    removed_files,
    version_of,
)
from cip.history.synced_mark import mark, marked


class DamagedHistoryError(CipError):
    """What was acknowledged cannot be read any more. The tenant's history stops there."""

    default_code = "damaged_history"


# More than there can be writers at once, each with a commit that is not synced yet.
LOOK_BACK: Final = 64
_LAST_CHECKPOINT: Final = "_last_checkpoint"
_RESTORE: Final = "Restore the tenant's history from a backup."
log = structlog.get_logger(__name__)


def sync_versions(table: Path, first: int, last: int) -> None:
    """Syncs and marks the commits from `first` to `last`: data files, log files and folders.

    Raises `DamagedHistoryError` where one of them is not whole: it must not be acknowledged.
    """
    folder = table / "_delta_log"
    if not folder.is_dir():  # an object store
        return
    texts = read_log(folder, first, last)
    base = newest_checkpoint(folder) if len(texts) <= last - max(first, 0) else -1
    dropped = removed_files(texts.values())
    for version in range(max(first, 0), last + 1):
        text = texts.get(version)
        if text is None:
            if version > base or version == last == base:
                raise DamagedHistoryError(f"Version {version} of the history is gone. {_RESTORE}")
            continue
        if not _is_whole(table, version, text, dropped):
            raise DamagedHistoryError(f"Version {version} of the history is damaged. {_RESTORE}")
        for name in added_files(text):
            _sync_if_there(table / name)  # else a later version did without it
        _sync_if_there(log_file(folder, version))
        _sync_checkpoint(folder, version)
    sync(folder)
    sync(table)
    mark(folder, last)


def sync_checkpoints(table: Path) -> None:
    """To be done before what they stand for is removed."""
    folder = table / "_delta_log"
    for checkpoint in folder.glob("*.checkpoint*.parquet"):
        sync(checkpoint)
    _sync_if_there(folder / _LAST_CHECKPOINT)
    sync(folder)


def torn_version(table: Path) -> int | None:
    """The first version that a power cut has left in part or with a gap before it. Nobody was told
    of it, nor of a later one: whoever syncs a version syncs those before it."""
    folder = table / "_delta_log"
    last = max(newest_log(folder), newest_checkpoint(folder))
    first = max(last - LOOK_BACK, 0)
    texts = read_log(folder, first, last)
    base = newest_checkpoint(folder)
    dropped = removed_files(texts.values())
    for version in range(first, last + 1):
        text = texts.get(version)
        if text is None:
            # A checkpoint does for the log file of its own version only once that was kept.
            if version > base or (version == base and version > marked(folder)):
                return version
        elif not _is_whole(table, version, text, dropped):
            return version
    return None


def _is_whole(table: Path, version: int, text: str, dropped: set[str]) -> bool:
    if is_whole(table, text, dropped):
        return True
    # Below a checkpoint the log is cleaned up, now or when the power went: the version that did
    # without a file may be gone before the one that added it.
    folder = table / "_delta_log"
    cleaned = version < newest_checkpoint(folder) and version <= marked(folder)
    return cleaned and is_whole(table, text, dropped, may_lack=True)


def mend(table: Path, *, is_spared: Callable[[int], bool] | None = None) -> None:
    """Sets aside what a power cut has left of commits that nobody was told of, in the folder
    `torn` beside the table. Does nothing to a table that no power cut befell: there a version
    appears as a whole.

    `is_spared`: whether the version before the torn one holds all that was ever acknowledged, as
    far as somebody else knows; what is marked as synced counts in any case. Where it does not,
    this is no power cut but a damaged disk: `DamagedHistoryError`, and no version is touched,
    since what is there may be all that is left.
    """
    folder = table / "_delta_log"
    if not folder.is_dir():
        return
    with _alone(folder):
        aside = table.parent / "torn"
        _drop_torn_checkpoints(folder, aside)
        torn = torn_version(table)
        _require_kept(folder, torn, is_spared)
        if torn is not None:
            _set_aside_from(folder, torn, aside)
        sync(folder)


def _require_kept(folder: Path, torn: int | None, is_spared: Callable[[int], bool] | None) -> None:
    kept = marked(folder)
    if torn is not None and (torn <= kept or (is_spared and not is_spared(torn - 1))):
        raise DamagedHistoryError(
            f"Version {torn} of the history is damaged, and it or a later one was acknowledged. "
            f"{_RESTORE}"
        )
    if torn is None and newest_log(folder) < kept:
        raise DamagedHistoryError(
            f"The history ends before version {kept}, which was acknowledged. {_RESTORE}"
        )


def _drop_torn_checkpoints(folder: Path, aside: Path) -> None:
    """The log stands for them, or an older one does; with them nothing can be read at all."""
    for path in folder.glob("*.checkpoint*.parquet"):
        if not is_parquet(path):
            _drop_checkpoint(path, aside)
    last = folder / _LAST_CHECKPOINT
    if last.exists() and not _leads_somewhere(folder, last):
        last.unlink(missing_ok=True)


def _set_aside_from(folder: Path, torn: int, aside: Path) -> None:
    for path in folder.glob("*.checkpoint*.parquet"):
        if version_of(path) >= torn:
            _drop_checkpoint(path, aside)
    later = [path for path in folder.glob("[0-9]*.json") if version_of(path) >= torn]
    log.warning("torn versions set aside", table=str(folder), first=torn, number=len(later))
    for path in sorted(later, reverse=True):
        _set_aside(path, aside)


def _drop_checkpoint(path: Path, aside: Path) -> None:
    log.warning("torn checkpoint set aside", path=str(path))
    (path.parent / _LAST_CHECKPOINT).unlink(missing_ok=True)
    _set_aside(path, aside)


def _set_aside(path: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path.rename(folder / f"{uuid4()}-{path.name}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One judges at a time: what another has mended and committed since is whole again. Held for
    milliseconds, unlike a writer's lock."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _leads_somewhere(folder: Path, last: Path) -> bool:
    try:
        version = int(json.loads(last.read_text())["version"])
    except (ValueError, KeyError, TypeError):
        return False
    return any(is_parquet(path) for path in folder.glob(f"{version:020d}.checkpoint*.parquet"))


def _sync_checkpoint(folder: Path, version: int) -> None:
    for checkpoint in folder.glob(f"{version:020d}.checkpoint*.parquet"):
        _sync_if_there(checkpoint)
        _sync_if_there(folder / _LAST_CHECKPOINT)


def _sync_if_there(path: Path) -> None:
    with suppress(FileNotFoundError):
        sync(path)
