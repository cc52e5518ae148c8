"""What a commit of the history has put on the disk when it returns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cip.durable import sync
from cip.history import durability as module
from cip.history.table import SCHEMA, HistoryTable
from cip.store.streams import pack
from tests.factories import NOW, tenant

ACME = tenant().id


def rows(number: int, **origin: object) -> pa.Table:
    common = {"type": "page.viewed", "occurred_at": NOW, "channel": "web", "properties": "{}"}
    return pa.Table.from_pylist(
        [
            {"event_id": f"e{n}", "customer_id": "c", "received_at": NOW, **common, **origin}
            for n in range(number)
        ],
        schema=SCHEMA,
    )


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the files that were synced, which still are."""
    names: set[str] = set()
    real = sync

    def record(path: Path) -> None:
        names.add(path.name)
        real(path)

    monkeypatch.setattr(module, "sync", record)
    return names


def everything(table: HistoryTable) -> set[str]:
    return {path.name for path in table.path.rglob("*.parquet")} | {
        path.name for path in table.path.rglob("*.json")
    }


def test_every_kind_of_commit_is_on_the_disk_with_its_log(
    history_root: str, tmp_path: Path, synced: set[str]
) -> None:
    table = HistoryTable(history_root, ACME)
    table.ensure()
    position = pack("1700000000000-0")
    table.append_stream(rows(2, position=position), position)
    table.append_import(rows(2, import_id="one", import_row=1), "one")
    staged = table.folder / "staged.parquet"
    pq.write_table(rows(3, import_id="two", import_row=1), staged)
    table.adopt_import(staged, 3, "two")
    assert everything(table) - synced == set()
    assert len(table.file_uris()) == 3
    assert table.delete_import("two") == 3
    assert table.compact(above_files=1)
    logs = {path.name for path in table.path.rglob("*.json")}
    assert logs - synced == set()
