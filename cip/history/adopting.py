"""A commit whose data file somebody else has written."""

from __future__ import annotations

import json
from pathlib import Path

from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction


def adopt(
    table: DeltaTable, file: Path, rows: int, import_id: str, properties: CommitProperties
) -> None:
    """Adds a file that lies in the table's folder. The loaded version stays as it was."""
    table.create_write_transaction(
        [_added(file, rows, import_id)],
        mode="append",
        schema=table.schema(),
        commit_properties=properties,
    )


def _added(file: Path, rows: int, import_id: str) -> AddAction:
    """With the figures by which an undo finds its file among the others."""
    about = file.stat()
    stats = {
        "numRecords": rows,
        "minValues": {"import_id": import_id},
        "maxValues": {"import_id": import_id},
        "nullCount": {"import_id": 0},
    }
    changed_ms = about.st_mtime_ns // 1_000_000
    return AddAction(file.name, about.st_size, {}, changed_ms, True, json.dumps(stats))
