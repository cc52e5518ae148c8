"""SQL of one column as an event field or property. No text of the user's gets in here: columns
are known by their place, and names and values are bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cip.ingest.imports.plan import Form
from cip.ingest.imports.source import Kind

_INTEGER: Final = "-?(0|[1-9][0-9]*)"
_FRACTION: Final = "([.][0-9]+)?([eE][+-]?[0-9]+)?"
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cell:
    """A column in a batch: the SQL that reads it, and the kind of what it gives."""

    sql: str
    kind: Kind


def as_text(cell: Cell) -> str:
    """For ids, names and times. A whole number stored as a float (17850.0) loses its `.0`; NaN,
    with which data frames mark a missing number, is null."""
    if cell.kind == "text":
        return f"CAST({cell.sql} AS VARCHAR)"
    if cell.kind == "json":
        return f"json_extract_string({cell.sql}, '$')"
    if cell.kind == "nested":
        return f"CAST(to_json({cell.sql}) AS VARCHAR)"
    if cell.kind != "number":
        return f"CAST({cell.sql} AS VARCHAR)"
    double = f"CAST({cell.sql} AS DOUBLE)"
    return (
        f"CASE WHEN isnan({double}) THEN NULL "
        f"WHEN abs({double}) < 1e15 AND {double} = trunc({double}) "
        f"THEN CAST(CAST({double} AS BIGINT) AS VARCHAR) ELSE CAST({cell.sql} AS VARCHAR) END"
    )


def as_amount(cell: Cell) -> str:
    """The shortest decimal text of a number: what a person wrote, not its binary neighbour."""
    if cell.kind == "json":
        return as_text(cell)
    return f"CAST({cell.sql} AS VARCHAR)"


def as_decimal(cell: Cell) -> str:
    """Exactly the number as DECIMAL(18, 6), or null where it does not fit."""
    if cell.kind == "integer":
        return f"TRY_CAST({cell.sql} AS DECIMAL(18, 6))"
    if cell.kind == "number":
        decimal = f"TRY_CAST({cell.sql} AS DECIMAL(18, 6))"
        same = f"CAST({decimal} AS DOUBLE) = CAST({cell.sql} AS DOUBLE)"
        return f"CASE WHEN {same} THEN {decimal} END"
    text = as_text(cell)
    fits = f"regexp_full_match({text}, '[+-]?[0-9]{{1,12}}([.][0-9]{{1,6}})?')"
    return f"CASE WHEN {fits} THEN CAST({text} AS DECIMAL(18, 6)) END"


def as_time(cell: Cell, time_format: str | None) -> str:
    """ISO 8601 text; `$time_format` is bound where the user gave one."""
    text = as_text(cell)
    if time_format is None or cell.kind in ("time", "instant"):
        return text
    if time_format in ("epoch", "epoch_ms"):
        factor = 1_000_000 if time_format == "epoch" else 1_000
        digits = f"regexp_full_match({text}, '-?[0-9]{{1,14}}([.][0-9]+)?')"
        us = f"TRY_CAST(CAST({text} AS DECIMAL(30, 9)) * {factor} AS BIGINT)"
        parsed = f"CASE WHEN {digits} THEN CAST(make_timestamp({us}) AS VARCHAR) || 'Z' END"
    else:
        parsed = f"CAST(TRY_STRPTIME({text}, $time_format) AS VARCHAR)"
    return f"CASE WHEN {text} <> '' THEN coalesce({parsed}, 'not ' || $time_format) END"


def as_typed_time(cell: Cell) -> tuple[str, str, str]:
    """Of a column of times: text, wall-clock time, and whether that is in UTC. Text is only what
    needs a closer look."""
    plain = f"{cell.sql} BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '2099-12-31'"
    return (
        f"CASE WHEN NOT ({plain}) THEN CAST({cell.sql} AS VARCHAR) END",
        f"CASE WHEN {plain} THEN CAST({cell.sql} AS TIMESTAMP) END",
        "true" if cell.kind == "instant" else "false",
    )


@dataclass(frozen=True, slots=True)
class PropertySql:
    """`value`: JSON text or null. `fault`: the code of what is wrong with it, or null."""

    value: str
    fault: str


def as_property(cell: Cell, form: Form, *, may_nest: bool) -> PropertySql:
    chosen = _natural(cell.kind) if form == "auto" else form
    if chosen == "json":
        return _json_property(cell, may_nest=may_nest)
    if chosen == "nested":
        return PropertySql(
            f"CAST(to_json({cell.sql}) AS VARCHAR)",
            "NULL" if may_nest else f"CASE WHEN {cell.sql} IS NOT NULL THEN 'nested' END",
        )
    text = as_amount(cell)
    if chosen == cell.kind == "integer":
        return PropertySql(text, f"CASE WHEN {_too_long(text)} THEN 'invalid' END")
    return {
        "text": PropertySql(f"CAST(to_json({as_text(cell)}) AS VARCHAR)", "NULL"),
        "integer": _checked(text, _INTEGER, ""),
        "number": _checked(text, _INTEGER, _FRACTION),
        "boolean": PropertySql(
            f"lower({text})", f"CASE WHEN lower({text}) NOT IN ('true', 'false') THEN 'type' END"
        ),
    }[chosen]


def _natural(kind: Kind) -> str:
    return "text" if kind in ("time", "instant") else kind


def _checked(text: str, whole: str, rest: str) -> PropertySql:
    """`type` for what is no number at all; `invalid` for NaN, infinity and more than 64 bits."""
    # Surely within 64 bits.
    short = whole.replace("*", "{0,17}") + rest.replace("[+-]?", "-")
    endless = f"lower({text}) IN ('nan', 'inf', '-inf', 'infinity', '-infinity')"
    return PropertySql(
        text,
        f"CASE WHEN {text} IS NULL OR regexp_full_match({text}, '{short}') THEN NULL "
        f"WHEN {endless} OR {_too_long(text)} OR {_too_large(text, rest)} THEN 'invalid' "
        f"WHEN NOT regexp_full_match({text}, '{whole}{rest}') THEN 'type' END",
    )


def _too_long(text: str) -> str:
    return (
        f"strlen({text}) > 18 AND regexp_full_match({text}, '-?[0-9]{{19,}}') AND "
        f"coalesce(abs(TRY_CAST({text} AS HUGEINT)) > {_LARGEST}, true)"
    )


def _too_large(text: str, rest: str) -> str:
    """Of what is no plain integer: beyond 64 bits a float has no fraction left."""
    if not rest:
        return "false"
    return (
        f"regexp_full_match({text}, '{_INTEGER}{rest}') "
        f"AND NOT regexp_full_match({text}, '{_INTEGER}') AND "
        f"coalesce(abs(TRY_CAST({text} AS DOUBLE)) >= CAST({_LARGEST + 1} AS DOUBLE), true)"
    )


def _json_property(cell: Cell, *, may_nest: bool) -> PropertySql:
    text = f"CAST({cell.sql} AS VARCHAR)"
    invalid = f"WHEN {_too_long(text)} OR {_too_large(text, _FRACTION)} THEN 'invalid'"
    nested = f"WHEN json_type({cell.sql}) IN ('ARRAY', 'OBJECT') THEN 'nested'"
    return PropertySql(
        f"nullif({text}, 'null')",
        f"CASE {'' if may_nest else nested} {invalid} END",
    )
