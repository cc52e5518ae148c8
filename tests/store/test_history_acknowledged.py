"""What was acknowledged of a history is never taken back, whoever committed it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from cip.history.durability import DamagedHistoryError, sync_versions, torn_version
from cip.history.erasing import HistoryErasing
from cip.history.query import connect
from cip.history.removal import remove_history
from cip.history.synced_mark import mark, marked
from cip.history.table import SCHEMA, HistoryTable
from tests.store.test_history_durability import (
    ACME,
    COMMITS,
    data_file,
    filled,
    log_file,
    never_synced,
    opened,
    row,
    state,
)


def imported(import_id: str, customer: str = "i") -> pa.Table:
    fields = row(0).to_pylist()[0]
    fields |= {"position": None, "import_id": import_id, "import_row": 1, "customer_id": customer}
    return pa.Table.from_pylist([fields], schema=SCHEMA)


def erase(table: HistoryTable) -> None:
    assert HistoryErasing(table).delete({"i": 2**62}).rows == 1


def adopt(table: HistoryTable) -> None:
    pq.write_table(imported("new"), table.folder / "new.parquet")
    table.adopt_import(table.folder / "new.parquet", 1, "new")


def undo(table: HistoryTable) -> None:
    table.compact(above_files=1)
    assert table.delete_import("first") == 1


def merge(table: HistoryTable) -> None:
    assert table.compact(above_files=1)


ACTS = pytest.mark.parametrize("act", [erase, adopt, undo, merge])


@pytest.fixture
def table(history_root: str) -> HistoryTable:
    return filled(history_root)


@pytest.fixture
def full(table: HistoryTable) -> HistoryTable:
    """With an import of one row and one of two customers."""
    table.append_import(imported("first"), "first")
    table.append_import(pa.concat_tables([row(0), imported("b", "stays")]), "b")
    return table


def logs(table: HistoryTable) -> Path:
    return table.path / "_delta_log"


def newest_file(table: HistoryTable) -> Path:
    return max(map(Path, table.file_uris()), key=lambda path: path.stat().st_mtime_ns)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def customers(table: HistoryTable) -> list[str]:
    with connect(table) as connection:
        found = connection.execute("SELECT customer_id FROM events ORDER BY 1").fetchall()
    return [customer for (customer,) in found]


@ACTS
def test_damage_to_what_no_stream_position_tells_of_stops_the_history(
    full: HistoryTable, act: Callable[[HistoryTable], None]
) -> None:
    if act is erase:
        full.compact(above_files=1)
    act(full)
    assert marked(logs(full)) == full.version()
    cut(newest_file(full))
    before = state(full)
    with pytest.raises(DamagedHistoryError, match=f"Version {full.version()}"):
        opened(full).recover(acknowledged=COMMITS)
    with pytest.raises(DamagedHistoryError):
        opened(full).delete_import("b")
    assert state(full) == before


@ACTS
def test_whoever_commits_first_after_a_power_cut_mends_before_it(
    full: HistoryTable, act: Callable[[HistoryTable], None]
) -> None:
    end = COMMITS + 1
    full.append_stream(row(end), end)
    torn = full.version()
    never_synced(full, above=torn - 1)
    cut(newest_file(full))
    writer = opened(full)
    act(writer)
    version, kept = writer.version(), customers(writer)
    assert log_file(full, torn).exists(), "committed in the place of the torn one"
    opened(full).recover(acknowledged=COMMITS)
    assert full.version() == version
    assert customers(full) == kept
    assert full.append_stream(row(end), end)


def test_a_torn_version_is_never_synced_and_acknowledged(table: HistoryTable) -> None:
    never_synced(table, above=1)
    cut(data_file(table, 3))
    with pytest.raises(DamagedHistoryError, match="Version 3"):
        sync_versions(table.path, 0, COMMITS)
    assert marked(logs(table)) == 1
    sync_versions(table.path, 0, 2)
    assert marked(logs(table)) == 2


@pytest.mark.parametrize("version", [2, COMMITS])
def test_a_version_that_is_gone_is_no_synced_one(table: HistoryTable, version: int) -> None:
    log_file(table, version).unlink()
    with pytest.raises(DamagedHistoryError, match=f"Version {version} of the history is gone"):
        sync_versions(table.path, 0, COMMITS)


def test_a_history_that_lost_its_end_stops(table: HistoryTable) -> None:
    log_file(table, COMMITS).unlink()
    with pytest.raises(DamagedHistoryError, match=f"ends before version {COMMITS}"):
        opened(table).recover()


def test_a_history_that_vanished_is_not_begun_anew(table: HistoryTable) -> None:
    shutil.rmtree(table.path)
    with pytest.raises(DamagedHistoryError, match="The history is gone"):
        opened(table).recover(acknowledged=COMMITS)
    assert not table.path.exists(), "a backup finds its place free"
    opened(table).recover(acknowledged=0)
    assert table.stream_position() == -1


def test_an_older_copy_does_not_do_for_the_history(
    table: HistoryTable,
    tmp_path: Path,
) -> None:
    shutil.copytree(table.path, tmp_path / "copy")
    table.append_stream(row(COMMITS + 1), COMMITS + 1)
    shutil.rmtree(table.path)
    shutil.copytree(tmp_path / "copy", table.path)
    with pytest.raises(DamagedHistoryError, match="no older than"):
        opened(table).recover(acknowledged=COMMITS + 1)
    opened(table).recover(acknowledged=COMMITS)
    # The same object goes on with a table that is older than what it has synced.
    assert table.append_stream(row(COMMITS + 1), COMMITS + 1)
    assert marked(logs(table)) == COMMITS + 1


def test_a_damaged_history_can_be_removed(table: HistoryTable) -> None:
    cut(data_file(table, 2))
    remove_history(str(table.folder.parent), ACME)
    assert not table.folder.exists()


def checkpoint(table: HistoryTable) -> Path:
    DeltaTable(str(table.path)).create_checkpoint()
    return logs(table) / f"{table.version():020d}.checkpoint.parquet"


def test_a_torn_checkpoint_beside_an_older_whole_one_is_done_without(
    table: HistoryTable,
) -> None:
    older = checkpoint(table)
    table.append_stream(row(COMMITS + 1), COMMITS + 1)
    newer = checkpoint(table)
    cut(newer)
    for _ in range(2):
        opened(table).recover(acknowledged=COMMITS + 1)
    assert older.exists()
    assert not newer.exists()
    assert opened(table).append_stream(row(COMMITS + 2), COMMITS + 2)


@pytest.mark.parametrize("data", [True, False])
def test_a_checkpoint_without_its_log_file_goes_with_it(table: HistoryTable, data: bool) -> None:
    newest = checkpoint(table)
    lost = data_file(table, COMMITS)
    log_file(table, COMMITS).unlink()
    never_synced(table, above=COMMITS - 1)
    if data:
        lost.unlink()
    opened(table).recover(acknowledged=COMMITS - 1)
    assert not newest.exists()
    assert opened(table).append_stream(row(COMMITS), COMMITS)
    assert table.stream_position() == COMMITS


def test_a_torn_checkpoint_before_a_torn_version_is_no_damage(table: HistoryTable) -> None:
    torn_checkpoint = checkpoint(table)
    for position in (COMMITS + 1, COMMITS + 2):
        table.append_stream(row(position), position)
    never_synced(table, above=COMMITS + 1)
    cut(torn_checkpoint)
    cut(log_file(table, COMMITS + 2))
    opened(table).recover(acknowledged=COMMITS + 1)
    assert table.stream_position() == COMMITS + 1


def test_a_listing_that_misses_a_version_makes_no_gap(
    table: HistoryTable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never_synced(table, above=-1)
    glob = Path.glob
    missed = log_file(table, COMMITS - 1)
    monkeypatch.setattr(Path, "glob", lambda *args: (p for p in glob(*args) if p != missed))
    opened(table).recover()
    assert table.version() == COMMITS
    assert missed.exists()


def test_a_commit_removes_nothing_of_the_log(table: HistoryTable) -> None:
    """Its checkpoint is not on the disk yet."""
    for position in range(COMMITS + 1, 49):
        table.append_stream(row(position), position)
    then = time.time() - 86_400
    for path in logs(table).iterdir():
        os.utime(path, (then, then))
    table.append_stream(row(49), 49)
    assert (logs(table) / f"{49:020d}.checkpoint.parquet").exists()
    assert all(log_file(table, version).exists() for version in range(50))


def test_a_power_cut_amid_the_cleaning_is_no_damage(table: HistoryTable) -> None:
    """The merge's log file is gone, those of what it merged are back, and their data is not."""
    merged = [data_file(table, version) for version in range(1, COMMITS + 1)]
    assert table.compact(above_files=1)
    table.append_stream(row(COMMITS + 1), COMMITS + 1)
    newest = checkpoint(table)
    log_file(table, COMMITS + 1).unlink()
    for path in merged:
        path.unlink()
    opened(table).recover(acknowledged=COMMITS + 1)
    assert opened(table).append_stream(row(COMMITS + 2), COMMITS + 2)
    newest.unlink()
    with pytest.raises(DamagedHistoryError, match="Version 1 "):
        opened(table).recover(acknowledged=COMMITS + 2)


def test_an_append_by_somebody_elses_program_is_no_torn_one(table: HistoryTable) -> None:
    write_deltalake(DeltaTable(str(table.path)), row(0), mode="append")
    assert torn_version(table.path) is None
    opened(table).recover(acknowledged=COMMITS)
    assert table.version() == COMMITS + 1


@ACTS
def test_our_commits_end_without_a_newline_and_say_what_comes_last(
    full: HistoryTable, act: Callable[[HistoryTable], None]
) -> None:
    """By these two a file that was cut between two lines is known."""
    act(full)
    for version in range(full.version() + 1):
        text = log_file(full, version).read_text()
        assert not text.endswith("\n")
        assert torn_version(full.path) is None
    last = log_file(full, full.version())
    never_synced(full, above=full.version() - 1)
    last.write_text(last.read_text().rpartition("\n")[0])
    assert torn_version(full.path) == int(last.stem)


def test_a_mark_never_goes_back_and_a_cut_one_is_none(tmp_path: Path) -> None:
    assert marked(tmp_path) == -1
    mark(tmp_path, 7)
    mark(tmp_path, 5)
    assert marked(tmp_path) == 7
    os.truncate(tmp_path / "_synced", 19)
    assert marked(tmp_path) == -1
