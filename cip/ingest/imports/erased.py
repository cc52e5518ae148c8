"""Rows of erased customers: refused, so that an old file brings nobody back."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

from cip.domain.erasure import ERASED_CODE, Erased
from cip.ingest.imports.checks import load_sql

_CHUNK: Final = 10_000
_SCHEMA: Final = pa.schema([("customer_id", pa.string()), ("until_us", pa.int64())])


def mark_erased(connection: duckdb.DuckDBPyConnection, erased: Erased) -> None:
    """Gives the good rows of `checked` that a tombstone covers their fault."""
    # Not with a cursor, which sees no temporary table.
    cursor = connection.execute("SELECT DISTINCT customer_id FROM checked WHERE fault IS NULL")
    found: dict[str, int] = {}
    while chunk := cursor.fetchmany(_CHUNK):
        found |= erased.among(who for (who,) in chunk)
    people = [{"customer_id": who, "until_us": us} for who, us in found.items()]
    connection.register("listed", pa.Table.from_pylist(people, schema=_SCHEMA))
    connection.execute("CREATE TEMP TABLE people AS FROM listed")
    connection.unregister("listed")
    connection.execute(load_sql("erased"), {"fault": f"{ERASED_CODE} customer_id"})
