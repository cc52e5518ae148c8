"""Merging and removal of the history's files, beside consumers and readers."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cip import failpoints
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.ingest import upkeep as module
from cip.ingest.upkeep import Upkeep
from cip.store import keys
from tests.factories import Platform, raw_event, tenant
from tests.waiting import wait_until

ACME = tenant().id
OLD = 2 * 3600


@pytest.fixture
def table(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> HistoryTable:
    """With twelve files of one event, which are more than upkeep lets be."""
    monkeypatch.setattr(module, "COMPACT_ABOVE_FILES", 10)
    for _ in range(12):
        platform.send(raw_event())
    return HistoryTable(platform.history_root, ACME)


def upkeep(platform: Platform) -> Upkeep:
    return Upkeep(platform.client, platform.history_root, ACME)


def events(table: HistoryTable) -> tuple[int, int]:
    with connect(table) as connection:
        found = connection.execute("SELECT count(*), count(DISTINCT event_id) FROM events")
        row = found.fetchone()
    assert row is not None
    return row


def make_old(*files: Path) -> None:
    for file in files:
        then = file.stat().st_mtime - OLD
        os.utime(file, (then, then))


def test_small_files_are_merged_and_nothing_changes(
    platform: Platform, table: HistoryTable
) -> None:
    position = table.stream_position()
    assert len(table.file_uris()) == 12
    upkeep(platform).round()
    assert len(table.file_uris()) == 1
    assert (events(table), table.stream_position()) == ((12, 12), position)
    version = table.version()
    upkeep(platform).round()
    assert table.version() == version, "one file is nothing to merge"


@pytest.mark.parametrize("point", ["compact.before", "compact.after"])
def test_consuming_goes_on_during_a_merge(
    platform: Platform, table: HistoryTable, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hit(name: str) -> None:
        if name == point:
            reached.set()
            assert go_on.wait(20)

    monkeypatch.setattr(failpoints, "hit", hit)
    merging = threading.Thread(target=upkeep(platform).round)
    merging.start()
    try:
        assert reached.wait(20)
        for number in range(3):
            platform.send(raw_event())
            assert events(table) == (13 + number, 13 + number)
    finally:
        go_on.set()
        merging.join(20)
    assert events(table) == (15, 15)
    assert len(table.file_uris()) == 4, "the merged one and the three new ones"
    platform.send(raw_event())
    assert events(table) == (16, 16)


def test_merges_and_commits_that_race_lose_nothing(platform: Platform, table: HistoryTable) -> None:
    stop, rounds = threading.Event(), []

    def merge() -> None:
        while not stop.is_set():
            rounds.append(table.compact(above_files=2))

    merging = threading.Thread(target=merge)
    merging.start()
    try:
        for _ in range(25):
            platform.send(raw_event())
        wait_until(lambda: any(rounds), 20, "a merge")
    finally:
        stop.set()
        merging.join(20)
    assert not merging.is_alive()
    assert events(table) == (37, 37)


def test_a_reader_of_the_files_before_a_merge_reads_on(
    platform: Platform, table: HistoryTable
) -> None:
    with connect(table) as before:
        care = upkeep(platform)
        care.round()
        care.clean()
        assert before.execute("SELECT count(*) FROM events").fetchone() == (12,)
    assert len(list(table.path.glob("*.parquet"))) == 13, "kept for an hour"


def test_orphans_go_after_an_hour_and_what_is_needed_stays(
    platform: Platform, table: HistoryTable
) -> None:
    needed = [Path(uri) for uri in table.file_uris()]
    old, young = table.path / "part-old.parquet", table.path / "part-young.parquet"
    for orphan in (old, young):
        orphan.write_bytes(needed[0].read_bytes())
    make_old(old, *needed)
    upkeep(platform).clean()
    assert not old.exists()
    assert young.exists(), "maybe somebody is about to commit it"
    assert events(table) == (12, 12)


def test_the_clean_up_is_hourly(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.send(raw_event())
    cleaned: list[float] = []

    class Time:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    time = Time()
    monkeypatch.setattr(module, "time", time)
    monkeypatch.setattr(module, "remove_old", lambda _: cleaned.append(time.now))
    care = upkeep(platform)
    for minute in range(0, 150, 5):
        time.now = minute * 60.0
        care.round()
    assert [round(when / 60) for when in cleaned] == [5, 65, 125]


def test_the_stream_is_trimmed_to_what_the_feed_shows(platform: Platform) -> None:
    platform.send(*(raw_event() for _ in range(1_200)))
    upkeep(platform).round()
    assert platform.client.xlen(keys.events(ACME)) == 1_000


def test_a_tenant_without_a_history_is_no_trouble(platform: Platform) -> None:
    platform.services.ingestion.accept(ACME, [raw_event()])
    upkeep(platform).round()
    assert not HistoryTable(platform.history_root, ACME).exists()


def test_no_tenant_waits_for_what_holds_anothers_history(
    platform: Platform, table: HistoryTable
) -> None:
    """An erasure may hold it for long: trimming goes on, merging and cleaning wait their turn."""
    platform.send(*(raw_event() for _ in range(1_200)))
    care = upkeep(platform)
    cleaned: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "remove_old", cleaned.append)
        with table.exclusive():
            care.round()
            care.clean()
            assert platform.client.xlen(keys.events(ACME)) == 1_000
            assert len(table.file_uris()) == 13
            assert not cleaned
        care.round()
        care.clean()
        assert len(table.file_uris()) == 1
        assert cleaned == [table.path]
