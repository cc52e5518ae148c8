"""The file of rejected rows: number, code, field, message, and the row as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv

from cip.domain.errors import InvalidInputError
from cip.ingest.imports.checks import load_sql
from cip.ingest.imports.line_source import LineSource
from cip.ingest.imports.report import MALFORMED, Fault
from cip.ingest.imports.source import Source

_HEAD = ("row", "code", "field", "message")


def write_rejected(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    faults: Mapping[str, Fault],
    target: Path,
) -> None:
    """Reads the file a second time for the rejected rows' own cells (all of its columns).

    The file appears whole or not at all. Cells that a spreadsheet would run as a formula get an
    apostrophe in front.
    """
    _make_faults(connection, faults)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            _write(connection, source, file)
        unfinished.replace(target)
    except OSError as error:
        raise InvalidInputError(
            f"The rejected rows cannot be written to {target} ({error.strerror}); name another "
            "file with --rejected.",
            field="--rejected",
        ) from error


def _make_faults(connection: duckdb.DuckDBPyConnection, faults: Mapping[str, Fault]) -> None:
    words = pa.table(
        {
            "fault": list(faults),
            "code": [item.code for item in faults.values()],
            "field": [item.field for item in faults.values()],
            "message": [item.message for item in faults.values()],
        },
        schema=pa.schema([(name, pa.string()) for name in ("fault", "code", "field", "message")]),
    )
    connection.register("words", words)
    connection.execute(
        "CREATE TEMP TABLE faults AS SELECT row, code, field, message "
        "FROM checked JOIN words USING (fault) WHERE rows > 0"
    )
    connection.unregister("words")


def _write(connection: duckdb.DuckDBPyConnection, source: Source, file: object) -> None:
    columns = ["line"] if isinstance(source, LineSource) else list(source.kinds)
    schema = pa.schema(
        [("row", pa.int64()), *((name, pa.string()) for name in (*_HEAD[1:], *columns))]
    )
    cells = ["line"] if isinstance(source, LineSource) else [f"c{at}" for at in range(len(columns))]
    query = load_sql("rejected").format(cells=", ".join(map(_neutral, cells)))
    with pa_csv.CSVWriter(file, schema) as writer:
        for batch in source.batches(list(source.kinds), lambda _done: None):
            connection.register("batch", batch)
            found: Any = connection.sql(query).to_arrow_table()
            connection.unregister("batch")
            writer.write_table(found.rename_columns(schema.names).cast(schema))
        writer.write_table(_malformed(source, schema))


def _neutral(cell: str) -> str:
    text = f"CAST({cell} AS VARCHAR)"
    return (
        f"CASE WHEN regexp_matches({text}, '^[=+@\\t\\r-]') AND TRY_CAST({text} AS DOUBLE) IS NULL "
        f"THEN '''' || {text} ELSE {text} END"
    )


def _malformed(source: Source, schema: pa.Schema) -> pa.Table:
    """Rows that have no cells: the whole line stands in the first one."""
    rows = [
        {
            "row": item.row,
            "code": MALFORMED.code,
            "field": MALFORMED.field,
            "message": MALFORMED.message,
            schema.names[4]: f"'{item.text}" if item.text[:1] in "=+-@\t\r" else item.text,
        }
        for item in source.malformed
    ]
    return pa.Table.from_pylist(rows, schema=schema)
