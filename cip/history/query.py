"""DuckDB over one tenant's history: confined to that tenant's folder, values always bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any, Final

import duckdb
import pandas as pd

from cip.history.table import SCHEMA, HistoryTable

MEMORY_MB: Final = 512
THREADS: Final = 2


@cache
def sql(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return resources.files("cip.history").joinpath("sql", f"{name}.sql").read_text()


@contextmanager
def connect(
    table: HistoryTable,
    *,
    memory_mb: int = MEMORY_MB,
    threads: int = THREADS,
    files: list[str] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `events` (columns of `SCHEMA`) on the newest version, or on other
    files of the table.

    It can read this tenant's folder and nothing else; its settings are locked.
    """
    files = table.file_uris() if files is None else files
    spill = table.folder / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:")
    try:
        _confine(connection, str(table.folder), str(spill), memory_mb, threads)
        _create_view(connection, files)
        yield connection
    finally:
        connection.close()


def _confine(
    connection: duckdb.DuckDBPyConnection, folder: str, spill: str, memory_mb: int, threads: int
) -> None:
    connection.execute("SET memory_limit = $v", {"v": f"{memory_mb}MB"})
    connection.execute("SET threads = $v", {"v": threads})
    connection.execute("SET temp_directory = $v", {"v": spill})
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET allowed_directories = $v", {"v": [folder]})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _create_view(connection: duckdb.DuckDBPyConnection, files: list[str]) -> None:
    if files:
        connection.read_parquet(files).create_view("events")
    else:
        # A table: a registered frame is not seen by the connection's cursors.
        connection.register("no_events", SCHEMA.empty_table())
        connection.execute("CREATE TABLE events AS FROM no_events")
        connection.unregister("no_events")


def rows(
    connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Runs `sql/<name>.sql` with bound `$values`; a dictionary per row."""
    cursor = connection.execute(sql(name), _used(name, values))
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def frame(
    connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any]
) -> pd.DataFrame:
    """The same as `rows`, as a frame."""
    result: pd.DataFrame = connection.execute(sql(name), _used(name, values)).df()
    return result


def _used(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """DuckDB refuses a bound value that the statement does not mention."""
    text = sql(name)
    return {key: value for key, value in values.items() if f"${key}" in text}
