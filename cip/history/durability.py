"""A Delta table and the power cut: what is synced of its versions, and what is left of torn ones.

delta-rs syncs nothing. A version counts as kept only when it was synced here; one that was not
may be there after a power cut in part: its file of the log, or a data file, empty or cut short, or
with a gap before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import structlog

from cip.domain.errors import CipError
from cip.durable import sync


class DamagedHistoryError(CipError):
    """What was acknowledged cannot be read any more. The tenant's history stops there."""

    default_code = "damaged_history"


# More than there can be writers at once, each with a commit that is not synced yet.
LOOK_BACK: Final = 64
_END_OF_PARQUET: Final = b"PAR1"
OWN_ENGINE: Final = "customer-intelligence-platform"
_LAST_CHECKPOINT: Final = "_last_checkpoint"
_CREATED: Final = frozenset({"protocol", "metaData"})
log = structlog.get_logger(__name__)


def sync_versions(table: Path, first: int, last: int) -> None:
    """Syncs the commits from `first` to `last`: their data files, log files and folders."""
    folder = table / "_delta_log"
    for version in range(max(first, 0), last + 1):
        entry = _log_file(folder, version)
        if not entry.exists():  # an object store, or a version that a checkpoint stands for
            continue
        for added in _of(_actions(entry.read_text()), "add"):
            data = table / added["path"]
            if data.exists():  # else a later version did without it
                sync(data)
        sync(entry)
        _sync_checkpoint(folder, version)
    if folder.exists():
        sync(folder)
        sync(table)


def sync_checkpoints(table: Path) -> None:
    """To be done before what they stand for is removed."""
    folder = table / "_delta_log"
    for checkpoint in folder.glob("*.checkpoint*.parquet"):
        sync(checkpoint)
    sync(folder / _LAST_CHECKPOINT)
    sync(folder)


def torn_version(table: Path) -> int | None:
    """The first version that a power cut has left in part or with a gap before it. Nobody was told
    of it, nor of a later one: whoever syncs a version syncs those before it."""
    folder = table / "_delta_log"
    versions = sorted(int(path.stem) for path in folder.glob("[0-9]*.json") if path.stem.isdigit())
    if not versions:
        return None
    base = max((v for v in _checkpoints(folder)), default=-1)
    first = max(versions[0], versions[-1] - LOOK_BACK)
    texts = {v: _log_file(folder, v).read_text() for v in versions if v >= first}
    dropped = _removed(texts.values())
    for version in range(first, versions[-1] + 1):
        text = texts.get(version)
        if text is None:
            if version > base:
                return version
        elif not _whole(table, text, dropped):
            return version
    return None


def mend(table: Path, *, is_spared: Callable[[int], bool]) -> None:
    """Sets aside what a power cut has left of commits that nobody was told of, in the folder
    `torn` beside the table. Does nothing to a table that no power cut befell: there a version
    appears as a whole.

    `is_spared`: whether the version before the torn one holds all that was ever acknowledged.
    Where it does not, this is no power cut but a damaged disk: `DamagedHistoryError`, and nothing
    is touched, since what is there may be all that is left.
    """
    folder = table / "_delta_log"
    if not folder.is_dir():
        return
    torn = torn_version(table)
    if torn is not None and not is_spared(torn - 1):
        raise DamagedHistoryError(
            f"Version {torn} of the history is damaged, and it or a later one was acknowledged. "
            "Restore the tenant's history from a backup."
        )
    last = folder / _LAST_CHECKPOINT
    for path in folder.glob("*.checkpoint*.parquet"):
        if not _is_parquet(path) or (torn is not None and _version(path) >= torn):
            log.warning("torn checkpoint dropped", path=str(path))
            last.unlink(missing_ok=True)
            path.unlink()
    if last.exists() and not _leads_somewhere(folder, last):
        last.unlink()
    if torn is not None:
        later = [path for path in folder.glob("[0-9]*.json") if _version(path) >= torn]
        log.warning("torn versions set aside", table=str(table), first=torn, number=len(later))
        for path in sorted(later, reverse=True):
            _set_aside(path, table.parent / "torn")
    sync(folder)


def _set_aside(path: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path.rename(folder / f"{uuid4()}-{path.name}")


def _whole(table: Path, text: str, dropped: set[str]) -> bool:
    """Whether a file of the log has all its lines, and its data files are as it says."""
    try:
        actions = list(_actions(text))
    except ValueError:
        return False
    if not actions or (_is_ours(actions) and (text.endswith("\n") or not _complete(actions))):
        return False
    return all(
        added["path"] in dropped or _is_parquet(table / added["path"], added["size"])
        for added in _of(actions, "add")
    )


def _is_ours(actions: list[dict[str, Any]]) -> bool:
    """Other programs end their last line and count as they like; ours say who wrote it."""
    info = next(_of(actions, "commitInfo"), {})
    engine = f"{info.get('engineInfo')} {info.get('clientVersion')}"
    return "delta-rs" in engine or OWN_ENGINE in engine


def _complete(actions: list[dict[str, Any]]) -> bool:
    """A file may be cut between two lines: the first one tells how many there should be."""
    info = next(_of(actions, "commitInfo"), {})
    metrics = info.get("operationMetrics") or {}
    kinds = {kind for action in actions for kind in action}
    if info.get("operation") == "CREATE TABLE":
        return kinds >= _CREATED
    if info.get("operation") == "WRITE" and "txn" not in kinds:
        return False
    for name, kind in (("added_files", "add"), ("removed_files", "remove")):
        camel = "numFilesAdded" if kind == "add" else "numFilesRemoved"
        wanted = metrics.get(f"num_{name}", metrics.get(camel))
        if wanted is not None and int(wanted) != sum(1 for _ in _of(actions, kind)):
            return False
    return True


def _removed(texts: Any) -> set[str]:
    """The data files that one of these versions does without; they may be gone."""
    found = set()
    for text in texts:
        try:
            found |= {removed["path"] for removed in _of(_actions(text), "remove")}
        except ValueError:
            continue
    return found


def _actions(text: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in text.splitlines() if line)


def _of(actions: Any, kind: str) -> Iterator[dict[str, Any]]:
    return (action[kind] for action in actions if kind in action)


def _checkpoints(folder: Path) -> Iterator[int]:
    paths = folder.glob("*.checkpoint*.parquet")
    return (_version(path) for path in paths if _is_parquet(path))


def _leads_somewhere(folder: Path, last: Path) -> bool:
    try:
        version = int(json.loads(last.read_text())["version"])
    except (ValueError, KeyError, TypeError):
        return False
    return version in set(_checkpoints(folder))


def _sync_checkpoint(folder: Path, version: int) -> None:
    for checkpoint in folder.glob(f"{version:020d}.checkpoint*.parquet"):
        sync(checkpoint)
        sync(folder / _LAST_CHECKPOINT)


def _is_parquet(path: Path, size: int | None = None) -> bool:
    """By its length and its last bytes: it is written from the front to the end."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(length - len(_END_OF_PARQUET), 0))
            return size in (None, length) and file.read() == _END_OF_PARQUET
    except FileNotFoundError:
        return False


def _version(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _log_file(folder: Path, version: int) -> Path:
    return folder / f"{version:020d}.json"
