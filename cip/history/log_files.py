"""A file of a Delta table's log: what it says, and whether all of it and of its data is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_END_OF_PARQUET: Final = b"PAR1"
# In the first line of our commits: that there is a transaction among the lines, which comes last.
WRITER: Final = "writer"
OWN_ENGINE: Final = "customer-intelligence-platform"
_CREATED: Final = frozenset({"protocol", "metaData"})

Action = dict[str, Any]


def log_file(folder: Path, version: int) -> Path:
    return folder / f"{version:020d}.json"


def read_log(folder: Path, first: int, last: int) -> dict[int, str]:
    """The texts of the versions from `first` to `last` that are there.

    Each is opened by its name: a listing that is read while N and N+1 come may hold N+1 alone.
    """
    texts = {}
    for version in range(max(first, 0), last + 1):
        try:
            texts[version] = log_file(folder, version).read_bytes().decode(errors="replace")
        except FileNotFoundError:
            continue
    return texts


def newest_log(folder: Path) -> int:
    """-1 without one."""
    return max((int(p.stem) for p in folder.glob("[0-9]*.json") if p.stem.isdigit()), default=-1)


def newest_checkpoint(folder: Path) -> int:
    """-1 without a whole one. To be asked after the log was read: what a checkpoint stands for is
    removed once it is there."""
    paths = folder.glob("*.checkpoint*.parquet")
    return max((version_of(path) for path in paths if is_parquet(path)), default=-1)


def added_files(text: str) -> Iterator[str]:
    return (added["path"] for added in _of(_actions(text), "add"))


def removed_files(texts: Iterable[str]) -> set[str]:
    """The data files that one of these versions does without; they may be gone."""
    found: set[str] = set()
    for text in texts:
        try:
            found |= {removed["path"] for removed in _of(_actions(text), "remove")}
        except ValueError:
            continue
    return found


def is_whole(table: Path, text: str, dropped: set[str], *, may_lack: bool = False) -> bool:
    """Whether a file of the log has all its lines, and its data files are as it says: none is
    missing but those `dropped`, or with `may_lack` any."""
    try:
        actions = list(_actions(text))
    except ValueError:
        return False
    if not actions or (_is_ours(actions) and (text.endswith("\n") or not _complete(actions))):
        return False
    return all(
        added["path"] in dropped
        or is_parquet(table / added["path"], added["size"])
        or (may_lack and not (table / added["path"]).exists())
        for added in _of(actions, "add")
    )


def is_parquet(path: Path, size: int | None = None) -> bool:
    """By its length and its last bytes: it is written from the front to the end."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(length - len(_END_OF_PARQUET), 0))
            return size in (None, length) and file.read() == _END_OF_PARQUET
    except FileNotFoundError:
        return False


def version_of(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _is_ours(actions: list[Action]) -> bool:
    """Other programs end their last line and count as they like; ours say who wrote it."""
    info = _info(actions)
    engine = f"{info.get('engineInfo')} {info.get('clientVersion')}"
    return "delta-rs" in engine or OWN_ENGINE in engine


def _complete(actions: list[Action]) -> bool:
    """A file may be cut between two lines: the first one tells how many there should be."""
    info = _info(actions)
    kinds = {kind for action in actions for kind in action}
    if info.get("operation") == "CREATE TABLE":
        return kinds >= _CREATED
    added, removed = _counted(info, "added", "Added"), _counted(info, "removed", "Removed")
    untold = info.get("operation") == "WRITE" and added is None
    if (untold or info.get(WRITER) == OWN_ENGINE) and "txn" not in kinds:
        return False
    return all(
        wanted is None or wanted == sum(1 for _ in _of(actions, kind))
        for wanted, kind in ((added, "add"), (removed, "remove"))
    )


def _counted(info: Mapping[str, Any], name: str, camel: str) -> int | None:
    metrics = info.get("operationMetrics") or {}
    counted = metrics.get(f"num_{name}_files", metrics.get(f"numFiles{camel}"))
    return None if counted is None else int(counted)


def _info(actions: list[Action]) -> Action:
    return next(_of(actions, "commitInfo"), {})


def _actions(text: str) -> Iterator[Action]:
    return (json.loads(line) for line in text.splitlines() if line)


def _of(actions: Iterable[Action], kind: str) -> Iterator[Any]:
    return (action[kind] for action in actions if kind in action)
