"""Files of a Delta table that its newest version does without: removed, and looked into."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable

from cip.history.durability import sync_checkpoints
from cip.history.replacing import STATISTICS


def remove_old(folder: Path) -> None:
    """As soon as the table's own retention allows. The caller holds the table's lock."""
    table = DeltaTable(str(folder))
    table.create_checkpoint()
    sync_checkpoints(folder)
    table.vacuum(dry_run=False, full=True)
    table.cleanup_metadata()


def telling_logs(folder: Path) -> int:
    """How many files of the log hold values of customers whose data file is old: statistics that
    were written before these were limited to columns that tell nothing."""
    live = {Path(uri).name for uri in DeltaTable(str(folder)).file_uris()}
    log = folder / "_delta_log"
    return sum(
        any(_tells(added, live) for added in _added(file))
        for file in (*log.glob("*.json"), *log.glob("*.checkpoint*.parquet"))
    )


def _added(file: Path) -> Iterator[Any]:
    """What a file of the log says of data files."""
    if file.suffix == ".parquet":
        column = pq.read_table(file, columns=["add"])["add"]
        yield from (added for added in column.to_pylist() if added)
    else:
        for line in file.read_text().splitlines():
            if line and (added := json.loads(line).get("add")):
                yield added


def _tells(added: Any, live: Collection[str]) -> bool:
    values = json.loads(added.get("stats") or "{}").get("minValues") or {}
    return added["path"] not in live and not values.keys() <= set(STATISTICS)
