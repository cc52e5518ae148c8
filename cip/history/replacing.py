"""One commit that puts files of a Delta table in the place of others.

delta-rs can delete rows too, but reads as it deletes: any append meanwhile makes it fail, and a
tenant whose events stream in appends every second (see docs/adr/0019). Here the slow part is done
before, and the commit itself takes milliseconds.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from cip.history.log_files import OWN_ENGINE

_TRIES: Final = 1_000
STATISTICS: Final = ("occurred_at", "position", "import_id")


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file of the table (its name), and the one that takes its place: None where no row stays."""

    old: str
    new: Path | None


def replace_files(folder: Path, replacements: list[Replacement]) -> int | None:
    """Commits to the table in `folder`, behind whatever others commit; the new version, or None
    where one of the old files is no longer part of the table. The new files are on the disk."""
    added = [_added(one.new) for one in replacements if one.new]
    for _ in range(_TRIES):
        table = DeltaTable(str(folder))
        sizes = _sizes(table)
        if any(one.old not in sizes for one in replacements):
            return None
        now_ms = time.time_ns() // 1_000_000
        actions = [
            {"commitInfo": _about(now_ms, len(added), len(replacements))},
            *({"add": one} for one in added),
            *({"remove": _removed(one.old, sizes[one.old], now_ms)} for one in replacements),
        ]
        if _publish(folder / "_delta_log", table.version() + 1, actions):
            return table.version() + 1
    return None


def _sizes(table: DeltaTable) -> dict[str, int]:
    """The table's files and their bytes."""
    actions = pa.table(table.get_add_actions())
    return dict(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))


def _publish(log: Path, version: int, actions: list[dict[str, Any]]) -> bool:
    """False where somebody else has committed this version: whoever links its name comes first."""
    written = log / f"_commit_{uuid4()}.json.tmp"
    try:
        with written.open("x") as file:
            file.write("\n".join(json.dumps(action, separators=(",", ":")) for action in actions))
            file.flush()
            os.fsync(file.fileno())
        os.link(written, log / f"{version:020d}.json")
    except FileExistsError:
        return False
    finally:
        written.unlink(missing_ok=True)
    return True


def _about(now_ms: int, added: int, removed: int) -> dict[str, Any]:
    """As delta-rs writes it: its counts tell a whole file of the log from a torn one."""
    return {
        "timestamp": now_ms,
        "operation": "DELETE",
        "operationParameters": {},
        "engineInfo": OWN_ENGINE,
        "operationMetrics": {"num_added_files": added, "num_removed_files": removed},
    }


def _added(file: Path) -> dict[str, Any]:
    about = file.stat()
    return {
        "path": file.name,
        "partitionValues": {},
        "size": about.st_size,
        "modificationTime": about.st_mtime_ns // 1_000_000,
        "dataChange": True,
        "stats": json.dumps(_statistics(file)),
    }


def _removed(name: str, size: int, now_ms: int) -> dict[str, Any]:
    return {
        "path": name,
        "deletionTimestamp": now_ms,
        "dataChange": True,
        "extendedFileMetadata": True,
        "partitionValues": {},
        "size": size,
    }


def _statistics(file: Path) -> Mapping[str, Any]:
    rows = pq.read_metadata(file).num_rows
    least, greatest, nulls = {}, {}, {}
    for name in STATISTICS:
        column = pq.read_table(file, columns=[name])[name]
        nulls[name] = column.null_count
        if column.null_count < rows:
            found = pc.min_max(column).as_py()
            least[name], greatest[name] = _plain(found["min"]), _plain(found["max"], up=True)
    return {"numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}


def _plain(value: Any, *, up: bool = False) -> Any:
    """Instants in whole milliseconds, as the format wants them: the greatest rounded up."""
    if not isinstance(value, datetime):
        return value
    if up and value.microsecond % 1_000:
        value += timedelta(milliseconds=1)
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
