"""A query sees its own tenant's folder: no other file, no network, and no way out of that."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from cip.domain.tenants import tenant_id
from cip.history.query import connect
from cip.history.table import HistoryTable
from tests.factories import Platform, raw_event


@pytest.fixture
def both(platform: Platform) -> tuple[HistoryTable, HistoryTable]:
    """The tables of acme and of another tenant, an event in each."""
    platform.add_tenant("other")
    for name in ("acme", "other"):
        platform.send(raw_event(customer=f"of-{name}"), name=name)
    names = (tenant_id("acme"), tenant_id("other"))
    acme, other = (HistoryTable(platform.history_root, name) for name in names)
    return acme, other


def test_its_own_events_are_there(both: tuple[HistoryTable, HistoryTable]) -> None:
    with connect(both[0]) as connection:
        found = connection.execute("SELECT customer_id FROM events").fetchall()
    assert found == [("of-acme",)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_parquet($other)",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '$outside'",
        "ATTACH '$outside' AS more",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "SET memory_limit = '64GB'",
    ],
)
def test_nothing_else_is(
    both: tuple[HistoryTable, HistoryTable], tmp_path: Path, statement: str
) -> None:
    outside = tmp_path / "outside.db"
    theirs = both[1].file_uris()[0]
    text = statement.replace("$other", f"'{theirs}'").replace("$outside", str(outside))
    with connect(both[0]) as connection:
        with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
            connection.execute(text).fetchall()
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert not outside.exists()
