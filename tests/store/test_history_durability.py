"""What is left of a history after a power cut: whole versions stay, torn ones are dropped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cip.history.durability import LOOK_BACK, DamagedHistoryError, torn_version
from cip.history.table import SCHEMA, HistoryTable
from tests.factories import NOW, tenant

ACME = tenant().id
COMMITS = 4


def row(position: int) -> pa.Table:
    values = {
        "event_id": f"e{position}",
        "customer_id": "c",
        "type": "page.viewed",
        "occurred_at": NOW,
        "channel": "web",
        "properties": "{}",
        "received_at": NOW,
    }
    fields = {**dict.fromkeys(SCHEMA.names), **values, "position": position}
    return pa.Table.from_pylist([fields], schema=SCHEMA)


def filled(history_root: str) -> HistoryTable:
    """Version 0 is the empty table, version n the append of position n."""
    table = HistoryTable(history_root, ACME)
    table.ensure()
    for position in range(1, COMMITS + 1):
        table.append_stream(row(position), position)
    return table


@pytest.fixture
def table(history_root: str) -> HistoryTable:
    return filled(history_root)


def log_file(table: HistoryTable, version: int) -> Path:
    return table.path / "_delta_log" / f"{version:020d}.json"


def data_file(table: HistoryTable, version: int) -> Path:
    text = log_file(table, version).read_text()
    (path,) = (one for one in table.path.glob("*.parquet") if one.name in text)
    return path


def never_synced(table: HistoryTable, *, above: int) -> None:
    """As after a power cut: what came later is there, and nobody was told of it."""
    (table.path / "_delta_log" / "_synced").write_text(f"{above:020d}" if above >= 0 else "")


def state(table: HistoryTable) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_size) for path in table.folder.rglob("*"))


def opened(table: HistoryTable) -> HistoryTable:
    """As by a process that begins."""
    return HistoryTable(str(table.folder.parent), ACME)


def empty_log(table: HistoryTable) -> None:
    os.truncate(log_file(table, 3), 0)


def log_without_its_last_line(table: HistoryTable) -> None:
    path = log_file(table, 3)
    path.write_text(path.read_text().rpartition("\n")[0])


def log_cut_in_a_line(table: HistoryTable) -> None:
    os.truncate(log_file(table, 3), log_file(table, 3).stat().st_size - 5)


def missing_log(table: HistoryTable) -> None:
    log_file(table, 3).unlink()


def short_data(table: HistoryTable) -> None:
    path = data_file(table, 3)
    os.truncate(path, path.stat().st_size - 1)


def missing_data(table: HistoryTable) -> None:
    data_file(table, 3).unlink()


DAMAGES = pytest.mark.parametrize(
    "damage",
    [
        empty_log,
        log_without_its_last_line,
        log_cut_in_a_line,
        missing_log,
        short_data,
        missing_data,
    ],
)


@DAMAGES
def test_a_torn_version_goes_with_all_behind_it_and_the_history_goes_on(
    table: HistoryTable, damage: Callable[[HistoryTable], None]
) -> None:
    never_synced(table, above=2)
    damage(table)
    assert torn_version(table.path) == 3
    table.recover(acknowledged=2)
    assert table.stream_position() == 2
    aside = {path.name[-25:] for path in (table.folder / "torn").iterdir()}
    assert log_file(table, 4).name in aside, "nothing is thrown away"
    assert table.append_stream(row(3), 3)
    assert table.stream_position() == 3
    assert len(table.file_uris()) == 3


@DAMAGES
def test_damage_to_what_was_acknowledged_stops_the_history_and_touches_nothing(
    table: HistoryTable, damage: Callable[[HistoryTable], None]
) -> None:
    damage(table)
    for mark, acknowledged in ((-1, 3), (-1, COMMITS), (3, -1), (COMMITS, 2)):
        never_synced(table, above=mark)
        before = state(table)
        with pytest.raises(DamagedHistoryError, match="Version 3"):
            table.recover(acknowledged=acknowledged)
        assert state(table) == before


def test_the_commit_of_another_program_is_no_torn_one(table: HistoryTable) -> None:
    log = log_file(table, COMMITS)
    info = {"commitInfo": {"engineInfo": "Apache-Spark/4.0", "operationMetrics": {}}}
    lines = log.read_text().split("\n")[1:]
    log.write_text("\n".join([json.dumps(info), *lines, ""]))
    table.recover()
    assert table.stream_position() == COMMITS


def test_a_whole_table_is_left_as_it_is(table: HistoryTable) -> None:
    assert table.compact(above_files=1)
    before = sorted(path.name for path in table.path.rglob("*"))
    table.recover()
    assert torn_version(table.path) is None
    assert sorted(path.name for path in table.path.rglob("*")) == before


def test_a_merge_that_lacks_lines_is_undone(table: HistoryTable) -> None:
    assert table.compact(above_files=1)
    merged = log_file(table, COMMITS + 1)
    merged.write_text("\n".join(merged.read_text().split("\n")[:-1]))
    never_synced(table, above=COMMITS)
    table.recover()
    assert table.version() == COMMITS
    assert len(table.file_uris()) == COMMITS


def test_a_torn_checkpoint_is_dropped_and_the_log_stands_for_it(table: HistoryTable) -> None:
    table._load().create_checkpoint()
    (checkpoint,) = table.path.glob("_delta_log/*.checkpoint.parquet")
    os.truncate(checkpoint, checkpoint.stat().st_size // 2)
    table.recover()
    assert not checkpoint.exists()
    assert table.stream_position() == COMMITS


def test_a_torn_word_of_the_last_checkpoint_is_dropped(table: HistoryTable) -> None:
    table._load().create_checkpoint()
    os.truncate(table.path / "_delta_log" / "_last_checkpoint", 3)
    table.recover()
    assert table.stream_position() == COMMITS


def test_a_table_whose_first_version_is_torn_is_made_anew(history_root: str) -> None:
    table = HistoryTable(history_root, ACME)
    table.ensure()
    os.truncate(log_file(table, 0), 0)
    never_synced(table, above=-1)
    table.recover()
    assert table.append_stream(row(1), 1)


def test_versions_that_a_checkpoint_stands_for_may_be_gone(table: HistoryTable) -> None:
    table._load().create_checkpoint()
    for version in range(COMMITS):
        log_file(table, version).unlink()
    table.recover()
    assert table.stream_position() == COMMITS


def test_old_data_that_was_merged_and_removed_is_not_missed(table: HistoryTable) -> None:
    old = [data_file(table, version) for version in range(1, COMMITS + 1)]
    assert table.compact(above_files=1)
    for path in old:
        path.unlink()
    assert torn_version(table.path) is None


def test_a_commit_syncs_the_rivals_commits_before_it(
    table: HistoryTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cip.history import table as module

    rival = HistoryTable(str(table.folder.parent), ACME)
    with monkeypatch.context() as careless:
        careless.setattr(module, "sync_versions", lambda *_: None)
        rival.append_stream(row(COMMITS + 1), COMMITS + 1)
    ranges: list[tuple[int, int]] = []
    monkeypatch.setattr(module, "sync_versions", lambda _, *range_: ranges.append(range_))
    table.append_stream(row(COMMITS + 2), COMMITS + 2)
    HistoryTable(str(table.folder.parent), ACME).append_stream(row(COMMITS + 3), COMMITS + 3)
    assert ranges == [
        (COMMITS + 1, COMMITS + 2),
        (COMMITS + 3 - LOOK_BACK, COMMITS + 3),
    ]
