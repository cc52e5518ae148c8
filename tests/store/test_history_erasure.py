"""Erasing rows of a Delta table: only they go, whoever writes meanwhile, and old files too."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from cip.domain.erasure import Erased, Ring, digest
from cip.domain.events import microseconds
from cip.history.erasing import Deletion, HistoryErasing
from cip.history.query import connect
from cip.history.replacing import Replacement, replace_files
from cip.history.table import SCHEMA, HistoryTable
from tests.factories import NOW, tenant

ACME = tenant().id
NOW_US = microseconds(NOW)
KEY = b"k" * 32


def rows(*customers: str, first: int = 1, **changes: Any) -> pa.Table:
    fixed = {"type": "t", "occurred_at": NOW, "channel": "web", "received_at": NOW}
    return pa.Table.from_pylist(
        [
            {
                **dict.fromkeys(SCHEMA.names),
                **fixed,
                "customer_id": customer,
                "event_id": f"event-{customer}",
                "properties": json.dumps({"name": customer}),
                "position": position,
                **changes,
            }
            for position, customer in enumerate(customers, first)
        ],
        schema=SCHEMA,
    )


def erased(*customers: str, until: int = NOW_US) -> Erased:
    return Erased(1, (Ring(KEY, {digest(KEY, one): until for one in customers}),))


def customers(table: HistoryTable) -> list[str]:
    with connect(table) as history:
        found = history.execute("SELECT customer_id FROM events ORDER BY position").fetchall()
    return [who for (who,) in found]


def files_with(table: HistoryTable, text: str) -> list[str]:
    return sorted(
        file.name
        for file in table.folder.rglob("*")
        if file.is_file() and text.encode() in file.read_bytes()
    )


@pytest.fixture
def table(history_root: str) -> HistoryTable:
    table = HistoryTable(history_root, ACME)
    table.ensure()
    return table


def test_only_files_that_hold_such_rows_are_written_anew(table: HistoryTable) -> None:
    table.append_stream(rows("a", "b", first=1), 2)
    table.append_stream(rows("c", "d", first=3), 4)
    table.append_stream(rows("b", first=5), 5)
    before = table.file_uris()
    erasing = HistoryErasing(table)
    people = erasing.people(erased("b", "unknown"))
    assert people == {"b": NOW_US}
    assert erasing.delete(people) == Deletion(rows=2, files=2)
    assert customers(table) == ["a", "c", "d"]
    assert len(set(table.file_uris()) & set(before)) == 1
    assert len(table.file_uris()) == 2  # of the file with nobody else, nothing is left
    version = table.version()
    assert erasing.delete(people) == Deletion(rows=0, files=0)
    assert table.version() == version


def test_rows_after_the_instant_stay_and_what_was_there_before_it_is_told(
    table: HistoryTable,
) -> None:
    hour = timedelta(hours=1)
    one_file = [
        rows("a", first=1),
        rows("a", first=2, occurred_at=NOW + hour),
        rows("a", first=3, occurred_at=NOW + hour, received_at=NOW + hour),
        rows("b", first=4, occurred_at=NOW + hour),
    ]
    table.append_stream(pa.concat_tables(one_file), 4)
    erasing = HistoryErasing(table)
    people = erasing.people(erased("a"))
    assert erasing.ahead(people) == {"a": microseconds(NOW + hour)}
    assert erasing.count(erased("a")) == 1
    assert erasing.delete(people).rows == 1
    assert customers(table) == ["a", "a", "b"]
    assert erasing.count(erased("a")) == 0


def test_appends_in_between_do_not_hold_it_up_and_are_not_lost(
    table: HistoryTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append_stream(rows("a", "b", first=1), 2)
    original = HistoryTable.replace
    appended: list[bool] = []

    def replace(self: HistoryTable, replacements: list[Replacement]) -> bool:
        position = 10 + len(appended)
        appended.append(self.append_stream(rows("c", first=position), position))
        return original(self, replacements)

    monkeypatch.setattr(HistoryTable, "replace", replace)
    erasing = HistoryErasing(table)
    assert erasing.delete({"b": NOW_US}) == Deletion(rows=1, files=1)
    assert appended == [True]
    assert customers(table) == ["a", "c"]
    assert table.stream_position() == 10


def test_it_begins_anew_when_a_file_was_replaced_by_another(
    table: HistoryTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for position, who in enumerate("abab", 1):
        table.append_stream(rows(who, first=position), position)
    original = HistoryTable.replace

    def replace(self: HistoryTable, replacements: list[Replacement]) -> bool:
        monkeypatch.setattr(HistoryTable, "replace", original)
        DeltaTable(str(self.path)).optimize.compact()
        return original(self, replacements)

    monkeypatch.setattr(HistoryTable, "replace", replace)
    assert HistoryErasing(table).delete({"b": NOW_US}) == Deletion(rows=2, files=1)
    assert customers(table) == ["a", "a"]


def test_a_version_is_committed_once(table: HistoryTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rival commits between the look at the version and the commit."""
    table.append_stream(rows("a", first=1), 1)
    (uri,) = table.file_uris()
    original = os.link
    rivals: list[Path] = []

    def link(source: Any, target: Any) -> None:
        if not rivals:
            rivals.append(target)
            table.append_stream(rows("c", first=2), 2)
        original(source, target)

    monkeypatch.setattr("cip.history.replacing.os.link", link)
    version = replace_files(table.path, [Replacement(Path(uri).name, None)])
    assert version == int(rivals[0].name[:20]) + 1
    assert customers(table) == ["c"]
    assert list((table.path / "_delta_log").glob("_commit*")) == []


def test_the_log_and_the_checkpoint_name_nobody(table: HistoryTable) -> None:
    table.append_stream(rows("only-me", first=1), 1)
    table.append_import(rows("me-too", position=None, import_id="acme.1", import_row=1), "acme.1")
    log = table.path / "_delta_log"
    DeltaTable(str(table.path)).create_checkpoint()
    DeltaTable(str(table.path)).optimize.compact()
    for name in ("only-me", "me-too"):
        assert [one for one in files_with(table, name) if (log / one).exists()] == []
    statistics = _statistics(table)
    assert statistics
    assert {name for one in statistics for name in one} <= {"occurred_at", "position", "import_id"}


def _statistics(table: HistoryTable) -> list[dict[str, Any]]:
    lines = (line for file in _logs(table) for line in file.read_text().splitlines() if line)
    added = (json.loads(line).get("add") for line in lines)
    return [json.loads(one["stats"])["minValues"] for one in added if one]


def _logs(table: HistoryTable) -> Iterable[Path]:
    return sorted((table.path / "_delta_log").glob("*.json"))


def test_compaction_and_the_undoing_of_an_import_go_on_after_it(table: HistoryTable) -> None:
    for position, who in enumerate(("a", "b", "c"), 1):
        table.append_stream(rows(who, "z", first=2 * position), 2 * position + 1)
    imported = rows("i1", "z", position=None, import_id="acme.1", import_row=1)
    table.append_import(imported, "acme.1")
    HistoryErasing(table).delete({"z": NOW_US})
    assert table.compact(above_files=2)
    assert len(table.file_uris()) == 1
    assert sorted(customers(table)) == ["a", "b", "c", "i1"]
    assert table.delete_import("acme.1") == 1
    assert sorted(customers(table)) == ["a", "b", "c"]
    table.append_stream(rows("d", first=100), 100)
    assert sorted(customers(table)) == ["a", "b", "c", "d"]


def test_an_older_tables_log_is_cleaned_with_the_old_files(
    history_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its statistics name people in plain text."""
    table = HistoryTable(history_root, ACME)
    table.path.mkdir(parents=True)
    DeltaTable.create(
        str(table.path),
        schema=SCHEMA,
        configuration={"delta.deletedFileRetentionDuration": "interval 1 hours"},
    )
    table.append_stream(rows("a", "me-myself", first=1), 2)
    logs = [one.name for one in _logs(table)]
    assert logs[-1] in files_with(table, "me-myself")
    table.ensure()
    two_hours_ago = time.time_ns() - 7_200 * 10**9
    monkeypatch.setattr("cip.history.replacing.time.time_ns", lambda: two_hours_ago)
    erasing = HistoryErasing(table)
    erasing.delete({"me-myself": NOW_US})
    assert erasing.count_old(erased("me-myself")) == 2  # the old file's row, and the log's file
    for file in table.path.rglob("*"):
        os.utime(file, ns=(two_hours_ago, two_hours_ago))
    erasing.remove_old()
    assert erasing.count_old(erased("me-myself")) == 0
    assert files_with(table, "me-myself") == []
    assert customers(table) == ["a"]
    assert table.stream_position() == 2
    table.append_stream(rows("b", first=3), 3)
    assert customers(table) == ["a", "b"]


def test_what_killed_processes_left_goes_once_it_is_old(table: HistoryTable) -> None:
    table.append_stream(rows("a", first=1), 1)
    fresh, old = table.folder / "import-fresh", table.folder / "import-old"
    for folder in (fresh, old, table.folder / "spill"):
        folder.mkdir(exist_ok=True)
    spilled = table.folder / "spill" / "old.tmp"
    spilled.write_text("a")
    hours_ago = time.time() - 7_200
    for one in (old, spilled):
        os.utime(one, (hours_ago, hours_ago))
    HistoryErasing(table).remove_old()
    assert fresh.exists()
    assert not old.exists()
    assert not spilled.exists()
