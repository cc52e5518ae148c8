"""The SQL that takes a file's rows apart: what each says of its event, on the way to `checked`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from cip.domain.events import IDENTIFIED, PURCHASE
from cip.ingest.imports.checks import insertion, load_sql, used
from cip.ingest.imports.expressions import (
    Cell,
    as_amount,
    as_decimal,
    as_property,
    as_text,
    as_time,
    as_typed_time,
)
from cip.ingest.imports.plan import Plan, Property
from cip.ingest.imports.source import Source

# `rows`: how many rows of the file an event stands for. `pre`: a fault found while reading.
# `key`: what makes the event the same one in a repeated import, where not the usual fields.
# `wall`, `in_utc`: a time that needs no reading, in the tenant's timezone or in UTC; others are in
# `at_text`.
_COLUMNS: Final = (
    "row BIGINT, rows BIGINT, pre VARCHAR, event_id VARCHAR, key VARCHAR, type VARCHAR, "
    "customer_id VARCHAR, at_text VARCHAR, wall TIMESTAMP, in_utc BOOLEAN, channel VARCHAR, "
    "amount VARCHAR, currency VARCHAR, source_order BIGINT"
)
_NO_TEXT: Final = "CAST(NULL AS VARCHAR)"
_MAY_NEST: Final = {"items": PURCHASE, "traits": IDENTIFIED}
# Batches are cut into pieces, which DuckDB works on side by side.
_PIECE_ROWS: Final = 32_768


@dataclass(frozen=True, slots=True)
class Stage:
    """How batches become `checked`: `prepare` once, `insert` per batch, `finish` once."""

    prepare: tuple[str, ...]
    insert: str
    finish: tuple[str, ...]
    values: Mapping[str, Any]

    def begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        for statement in self.prepare:
            connection.execute(statement)

    def add(self, connection: duckdb.DuckDBPyConnection, batch: pa.Table) -> None:
        pieces = batch.to_batches(max_chunksize=_PIECE_ROWS)
        connection.register("batch", pa.Table.from_batches(pieces, batch.schema))
        connection.execute(self.insert, used(self.insert, self.values))
        connection.unregister("batch")

    def end(self, connection: duckdb.DuckDBPyConnection) -> None:
        for statement in self.finish:
            connection.execute(statement, used(statement, self.values))


def stage(source: Source, plan: Plan, check_values: Mapping[str, Any]) -> Stage:
    """Rows that are an event each are checked as they come. Where several rows make one together,
    all of them are gathered in the table `raw` first."""
    cells = {
        column: Cell(source.expression(column, at), source.kinds[column])
        for at, column in enumerate(plan.columns())
    }
    values: dict[str, Any] = {
        **check_values,
        **source.parameters(plan.columns()),
        "type": plan.type,
        "channel": plan.channel,
        "time_format": plan.time_format,
    }
    skipped = "CREATE TEMP TABLE skipped (reason VARCHAR, rows BIGINT)"
    gather = _gather(plan)
    if not gather:
        insert = insertion(plan, f"({_select(source, plan, cells, typed_times=True)})")
        return Stage((skipped,), insert, (), values)
    finish = (*gather, insertion(plan, "raw"), "DROP TABLE raw")
    if plan.preset == "online-retail":
        table, insert = _retail(source, plan, cells)
        return Stage((skipped, _create_raw(plan), table), insert, finish, values)
    insert = f"INSERT INTO raw {_select(source, plan, cells, typed_times=False)}"
    return Stage((skipped, _create_raw(plan)), insert, finish, values)


def _create_raw(plan: Plan) -> str:
    extra = "".join(f", p{at} VARCHAR, f{at} VARCHAR" for at in range(len(plan.properties)))
    return f"CREATE TEMP TABLE raw ({_COLUMNS}{extra})"


def _select(source: Source, plan: Plan, cells: Mapping[str, Cell], *, typed_times: bool) -> str:
    """One event per row: the plain import, and the start of most presets."""
    columns = _fields(plan, cells)
    at = cells.get(plan.fields.get("occurred_at", ""))
    text, wall, in_utc = columns["at_text"], "CAST(NULL AS TIMESTAMP)", "false"
    if typed_times and at and at.kind in ("time", "instant"):
        text, wall, in_utc = as_typed_time(at)
    chosen = {
        "row": "row",
        "rows": "1",
        "pre": _pre(source, plan, columns["source_order"]),
        "event_id": columns["event_id"],
        "key": _NO_TEXT,
        "type": "$type" if plan.type is not None else columns["type"],
        "customer_id": columns["customer_id"],
        "at_text": text,
        "wall": wall,
        "in_utc": in_utc,
        "channel": "$channel" if plan.channel is not None else columns["channel"],
        "amount": columns["amount"],
        "currency": columns["currency"],
        "source_order": f"TRY_CAST({columns['source_order']} AS BIGINT)",
    }
    for at_, item in enumerate(plan.properties):
        value, fault = _property(cells[item.column], item, chosen["type"])
        chosen |= {f"p{at_}": value, f"f{at_}": fault}
    listed = ", ".join(f"{sql} AS {name}" for name, sql in chosen.items())
    return f"SELECT {listed} FROM batch"  # noqa: S608 - no text of a file's or a user's


def _property(cell: Cell, item: Property, kind: str) -> tuple[str, str]:
    """Value and fault. `kind` is the SQL of the event's type, which may allow a list or object."""
    flat = as_property(cell, item.form, may_nest=False)
    if item.name not in _MAY_NEST:
        return flat.value, flat.fault
    free = as_property(cell, item.form, may_nest=True)
    fault = f"CASE WHEN {kind} = '{_MAY_NEST[item.name]}' THEN {free.fault} ELSE {flat.fault} END"
    return flat.value, fault


def _fields(plan: Plan, cells: Mapping[str, Cell]) -> dict[str, str]:
    def cell(name: str) -> Cell | None:
        return cells[plan.fields[name]] if name in plan.fields else None

    texts = {
        name: as_text(found) if (found := cell(name)) else _NO_TEXT
        for name in ("event_id", "type", "customer_id", "channel", "currency", "source_order")
    }
    at = cell("occurred_at")
    texts["at_text"] = as_time(at, plan.time_format) if at else _NO_TEXT
    if plan.preset == "cdnow" and at:
        texts["at_text"] = _dashed(at.sql)
    amount = cell("amount") or cell("amount_minor")
    texts["amount"] = as_amount(amount) if amount else _NO_TEXT
    if plan.decimal_comma and amount and "amount" in plan.fields:
        texts["amount"] = (
            f"replace(replace(replace({texts['amount']}, '.', 'x'), ',', '.'), ' ', 'x')"
        )
    return texts


def _dashed(day: str) -> str:
    return f"substr({day}, 1, 4) || '-' || substr({day}, 5, 2) || '-' || substr({day}, 7, 2)"


def _pre(source: Source, plan: Plan, order: str) -> str:
    """Faults that only the reading side can see."""
    cases = []
    if fault := source.line_fault():
        cases.append(f"WHEN {fault} THEN 'record line'")
    if "source_order" in plan.fields and plan.preset != "event-log":
        cases.append(
            f"WHEN {order} <> '' AND TRY_CAST({order} AS BIGINT) IS NULL "
            "THEN 'invalid source_order'"
        )
    return f"CASE {' '.join(cases)} END" if cases else _NO_TEXT


def _retail(source: Source, plan: Plan, cells: Mapping[str, Cell]) -> tuple[str, str]:
    of = {name: cells[column] for name, column in plan.fields.items()}
    customer = as_text(of["customer_id"])
    if of["customer_id"].kind == "text":
        # A data frame with gaps writes its whole numbers as 17850.0.
        customer = f"regexp_replace({customer}, '^([0-9]+)[.]0$', '\\1')"
    insert = load_sql("online_retail_lines").format(
        invoice=as_text(of["invoice"]),
        customer=customer,
        at_text=as_time(of["occurred_at"], plan.time_format),
        quantity=as_decimal(of["quantity"]),
        price=as_decimal(of["price"]),
        broken=source.line_fault() or "false",
    )
    return load_sql("online_retail_table"), insert


def _gather(plan: Plan) -> tuple[str, ...]:
    """What makes events of several rows, once all of them are in; nothing for most plans."""
    places = {f"p_{item.name}": f"p{at}" for at, item in enumerate(plan.properties)}
    if plan.preset == "online-retail":
        return _statements("online_retail_events")
    if plan.preset == "conversations":
        return _statements("conversations", **places)
    if plan.preset == "orders" and ("p_name" in places or "p_email" in places):
        return _statements("orders", **_who(plan, places))
    return ()


def _who(plan: Plan, places: Mapping[str, str]) -> dict[str, str]:
    """SQL of a customer's name and address, and where in `raw` they belong."""
    name = places.get("p_name", "NULL")
    if "p_last_name" in places and plan.fields.get("name") == plan.fields.get("first_name"):
        first, last = (
            f"json_extract_string({places[part]}, '$')" for part in ("p_first_name", "p_last_name")
        )
        name = f"CAST(to_json(nullif(concat_ws(' ', {first}, {last}), '')) AS VARCHAR)"
    columns = [places[part] for part in ("p_name", "p_email") if part in places]
    values = [value for value in (name, places.get("p_email", "NULL")) if value != "NULL"]
    return {
        "columns": ", ".join(columns),
        "values": ", ".join(values),
        "groups": ", ".join(values),
        "name": name,
        "email": places.get("p_email", "NULL"),
    }


def _statements(script: str, **places: str) -> tuple[str, ...]:
    return tuple(load_sql(script).format(**places).split(";\n"))
