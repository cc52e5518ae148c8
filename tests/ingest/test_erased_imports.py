"""Files with rows of erased customers: refused and counted, so that nobody comes back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from cip.domain.erasure import Erased, Ring, digest
from cip.domain.events import microseconds
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.ingest.imports.importing import Import, run_import
from cip.ingest.imports.plan import Wishes, parse_pairs, plain_plan
from cip.ingest.imports.report import Report
from cip.ingest.imports.source import Format
from cip.ingest.imports.sources import open_source
from tests.factories import NOW, tenant

HEAD = "who,when,what\n"
MAPS = ("customer_id=who", "occurred_at=when", "type=what")
KEY = b"k" * 32


@pytest.fixture
def table(history_root: str) -> HistoryTable:
    return HistoryTable(history_root, tenant().id)


def take(table: HistoryTable, content: str, erased: Erased, **options: Any) -> Report:
    table.folder.mkdir(parents=True, exist_ok=True)
    path = table.folder.parent / "in.csv"
    path.write_text(content)
    source = open_source(path, Format())
    plan = plain_plan(Wishes(fields=parse_pairs(MAPS, "--map")), list(source.kinds), "EUR")
    order = Import(source, plan, tenant(), path.with_name("rejected.csv"), **options)
    return run_import(order, table, NOW, erased=lambda: erased)


def customers(table: HistoryTable) -> list[str]:
    with connect(table) as history:
        found = history.execute("SELECT customer_id FROM events ORDER BY import_row").fetchall()
    return [who for (who,) in found]


def erased(*who: str) -> Erased:
    return Erased(1, (Ring(KEY, {digest(KEY, one): microseconds(NOW) for one in who}),))


@pytest.mark.parametrize("who", ["gone", """O'Brien\\ "x" %_""", "Zoë 顧客"])
def test_rows_up_to_the_instant_are_rejected_with_a_reason(table: HistoryTable, who: str) -> None:
    quoted = who.replace('"', '""')
    content = (
        f'{HEAD}"{quoted}",2026-11-01 10:00,t\n'
        f'"{quoted}",2026-11-22 20:00,t\n'  # after the erasure
        f'"{quoted}",no time,t\n'
        "stays,2026-11-01 10:00,t\n"
    )
    report = take(table, content, erased(who))
    assert (report.rows_read, report.rows_accepted, report.added) == (4, 2, 2)
    counts = {(fault.code, fault.field): rows for fault, rows in report.rejected.items()}
    assert counts == {("erased", "customer_id"): 1, ("invalid", "occurred_at"): 1}
    assert customers(table) == [who, "stays"]
    with (table.folder.parent / "rejected.csv").open(newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [row["code"] for row in rejected] == ["erased", "invalid"]


def test_a_dry_run_says_so_too(table: HistoryTable) -> None:
    content = f"{HEAD}gone,2026-11-01 10:00,t\nstays,2026-11-01 10:00,t\n"
    report = take(table, content, erased("gone"), dry_run=True)
    assert (report.added, report.rows_rejected) == (1, 1)
    assert not table.exists()


def test_an_import_of_nobody_else_adds_nothing(table: HistoryTable) -> None:
    report = take(table, f"{HEAD}gone,2026-11-01 10:00,t\n", erased("gone"))
    assert (report.added, report.importable) == (0, False)
    assert customers(table) == []


def test_the_tombstones_are_asked_for_when_it_is_the_imports_turn(
    table: HistoryTable, tmp_path: Path
) -> None:
    """An erasure that is worked off meanwhile has the turn: what it left must not come back."""
    import fcntl

    path = tmp_path / "in.csv"
    path.write_text(f"{HEAD}gone,2026-11-01 10:00,t\n")
    source = open_source(path, Format())
    plan = plain_plan(Wishes(fields=parse_pairs(MAPS, "--map")), list(source.kinds), "EUR")
    order = Import(source, plan, tenant(), tmp_path / "rejected.csv")
    held: list[bool] = []

    def asked() -> Erased:
        with (table.folder / "import.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(True)
        return erased("gone")

    assert run_import(order, table, NOW, erased=asked).rows_rejected == 1
    assert held == [True]
