"""Erased customers in the history: found, deleted, and looked for again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from cip.domain.erasure import Erased
from cip.domain.errors import UnavailableError
from cip.history.old_files import remove_old, telling_logs
from cip.history.query import connect, rows, sql
from cip.history.replacing import Replacement
from cip.history.table import KEPT_AFTER_DELETION, HistoryTable

MEMORY_MB: Final = 256
_CHUNK: Final = 10_000
_ROUNDS: Final = 10

# Customer → instant in microseconds.
People = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Deletion:
    rows: int
    files: int


class HistoryErasing:
    """Ids are handled as data: in tables that a query joins, never in its text or the log."""

    def __init__(self, table: HistoryTable) -> None:
        self._table = table

    def people(self, erased: Erased) -> dict[str, int]:
        """The customers of the history that have a tombstone, and its instant."""
        with connect(self._table, memory_mb=MEMORY_MB) as connection:
            return _people(connection, erased)

    def ahead(self, people: People) -> dict[str, int]:
        """Those whose tombstone has to be later, for rows that it is meant for, and how late."""
        with self._asking(people) as connection:
            found = rows(connection, "ahead_of_erasure", {})
        return {row["customer_id"]: row["newest_us"] for row in found}

    def delete(self, people: People) -> Deletion:
        """Durably rewrites the files that hold rows of these people, and no other file.

        Whoever streams in goes on committing; imports and maintenance wait.
        """
        deleted, files = 0, 0
        if not people:
            return Deletion(0, 0)
        with self._table.exclusive():
            for _ in range(_ROUNDS):
                made, gone = self._rewrite(people)
                if not made:
                    return Deletion(deleted, files)
                if not self._table.replace(made):
                    self._drop(made)
                    continue
                deleted, files = deleted + gone, files + len(made)
        raise UnavailableError("The history changes all the time: nothing could be erased.")

    def count(self, erased: Erased) -> int:
        """How many rows of erased events the newest version holds."""
        with connect(self._table, memory_mb=MEMORY_MB) as connection:
            people = _people(connection, erased)
            _register(connection, people)
            return int(rows(connection, "erased_rows", {})[0]["rows"])

    def remove_old(self) -> None:
        """Removes files that the newest version does not need, once readers had their hour."""
        with self._table.exclusive():
            remove_old(self._table.path)
            self._clear_leftovers()

    def count_old(self, erased: Erased) -> int:
        """How many rows of erased events, and old log files that may name somebody, are still on
        the disk beside the newest version."""
        live = {Path(uri).name for uri in self._table.file_uris()}
        old = [str(one) for one in self._table.path.glob("*.parquet") if one.name not in live]
        found = telling_logs(self._table.path)
        if not old:
            return found
        with connect(self._table, memory_mb=MEMORY_MB, files=old) as connection:
            _register(connection, _people(connection, erased))
            return found + int(rows(connection, "erased_rows", {})[0]["rows"])

    def _rewrite(self, people: People) -> tuple[list[Replacement], int]:
        """What stays of each file that holds such rows, in new files; how many rows do not."""
        made: list[Replacement] = []
        gone = 0
        with self._asking(people) as connection:
            for row in rows(connection, "erased_files", {}):
                old = Path(row["filename"])
                new = self._table.path / f"part-{uuid4()}.parquet"
                connection.read_parquet([str(old)]).create_view("one", replace=True)
                connection.sql(sql("kept_rows")).write_parquet(str(new))
                kept = pq.read_metadata(new).num_rows
                gone += pq.read_metadata(old).num_rows - kept
                if not kept:
                    new.unlink()
                made.append(Replacement(old.name, new if kept else None))
        return made, gone

    @staticmethod
    def _drop(made: Iterable[Replacement]) -> None:
        for one in made:
            if one.new:
                one.new.unlink()

    @contextmanager
    def _asking(self, people: People) -> Iterator[DuckDBPyConnection]:
        """A connection with `people`, and with `placed`: all rows and the file of each."""
        with connect(self._table, memory_mb=MEMORY_MB) as connection:
            _register(connection, people)
            if files := self._table.file_uris():
                connection.read_parquet(files, filename=True).create_view("placed")
            else:
                connection.execute("CREATE VIEW placed AS SELECT *, '' AS filename FROM events")
            yield connection

    def _clear_leftovers(self) -> None:
        """What killed imports and queries have left behind, too old to be in use."""
        oldest = time.time() - KEPT_AFTER_DELETION.total_seconds()
        folder = self._table.folder
        for left in (*folder.glob("import-*"), *(folder / "spill").glob("*")):
            if left.stat().st_mtime >= oldest:
                continue
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink(missing_ok=True)


def _people(connection: DuckDBPyConnection, erased: Erased) -> dict[str, int]:
    cursor = connection.cursor().execute("SELECT DISTINCT customer_id FROM events")
    found: dict[str, int] = {}
    while chunk := cursor.fetchmany(_CHUNK):
        found |= erased.among(customer_id for (customer_id,) in chunk)
    return found


def _register(connection: DuckDBPyConnection, people: People) -> None:
    """A table of its own: a registered frame is not seen by the connection's cursors."""
    listed = pa.table(
        {"customer_id": list(people), "until_us": list(people.values())},
        schema=pa.schema([("customer_id", pa.string()), ("until_us", pa.int64())]),
    )
    connection.register("listed", listed)
    connection.execute("CREATE OR REPLACE TEMP TABLE people AS FROM listed")
    connection.unregister("listed")
