"""Pieces of the simulated event stream as Arrow tables, their ids, order and API form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cip.demo.draws import Ints
from cip.domain.events import instant

# What every source fills; the columns that storage adds come with `to_history`.
COLUMNS: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("customer_id", pa.string()),
        ("type", pa.string()),
        ("at_us", pa.int64()),
        ("channel", pa.string()),
        ("properties", pa.string()),
        ("amount_minor", pa.int64()),
    ]
)


class Ids:
    """Builds event and customer ids. Two tenants, seeds or seed ends never share an event id."""

    def __init__(self, prefix: str, customer_prefix: str) -> None:
        self.prefix = prefix
        self._customer_prefix = customer_prefix

    def events(self, source: str, key: Ints | int, number: Ints) -> pa.Array:
        """`key` and `number` name the place in the source, which no restart changes."""
        keys = np.broadcast_to(np.asarray(key, dtype=np.int64), number.shape)
        return pc.binary_join_element_wise(
            f"{self.prefix}-{source}", _digits(keys), _digits(number), "-"
        )

    def customers(self, numbers: Ints) -> pa.Array:
        padded = pc.utf8_lpad(_digits(numbers), width=6, padding="0")
        return pc.binary_join_element_wise(self._customer_prefix, padded, "-")


def _digits(numbers: NDArray[np.int64]) -> pa.Array:
    return pc.cast(pa.array(numbers), pa.string())


def piece(
    ids: pa.Array,
    customers: pa.Array,
    kind: str | Sequence[str] | NDArray[np.str_],
    at_us: Ints,
    channel: str | Sequence[str] | NDArray[np.str_],
    properties: str | Sequence[str] | pa.Array,
    amount_minor: Ints | None = None,
) -> pa.Table:
    """A table of `COLUMNS`; single strings are repeated."""
    size = len(at_us)
    amount = pa.nulls(size, pa.int64()) if amount_minor is None else pa.array(amount_minor)
    columns = [
        ids,
        customers,
        _column(kind, size),
        pa.array(at_us),
        _column(channel, size),
        _column(properties, size),
        amount,
    ]
    return pa.Table.from_arrays(columns, schema=COLUMNS)


def _column(values: object, size: int) -> pa.Array:
    if isinstance(values, str):
        return pa.repeat(pa.scalar(values), size)
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def texts(choices: Sequence[str], index: Ints) -> pa.Array:
    """`choices[index]` as strings."""
    return pa.array(choices, pa.string()).take(pa.array(index))


def ordered(pieces: Sequence[pa.Table], start_us: int, end_us: int) -> pa.Table:
    """All events from `start_us` up to but not including `end_us`, by time, then id."""
    table = pa.concat_tables([*pieces, COLUMNS.empty_table()])
    at = table["at_us"]
    inside = pc.and_(pc.greater_equal(at, start_us), pc.less(at, end_us))
    return table.filter(inside).sort_by([("at_us", "ascending"), ("event_id", "ascending")])


def to_history(table: pa.Table, schema: pa.Schema, received_us: int, import_id: str) -> pa.Table:
    """The rows of an import, in `schema`. `received_us` is the instant the import claims."""
    size = table.num_rows
    stamp = pa.timestamp("us", tz="UTC")
    known = {
        **{name: table[name] for name in table.column_names if name != "at_us"},
        "occurred_at": table["at_us"].cast(stamp),
        "received_at": pa.repeat(pa.scalar(received_us, pa.int64()), size).cast(stamp),
        "import_id": pa.repeat(pa.scalar(import_id), size),
        "import_row": pa.array(np.arange(size, dtype=np.int64)),
    }
    return pa.table(
        [known.get(field.name, pa.nulls(size, field.type)) for field in schema], schema=schema
    )


def raw_events(table: pa.Table) -> list[dict[str, object]]:
    """The events in the form that the API takes."""
    return [
        {
            "event_id": row["event_id"],
            "customer_id": row["customer_id"],
            "type": row["type"],
            "occurred_at": instant(row["at_us"]).isoformat(),
            "channel": row["channel"],
            "properties": json.loads(row["properties"]),
        }
        for row in table.to_pylist()
    ]
