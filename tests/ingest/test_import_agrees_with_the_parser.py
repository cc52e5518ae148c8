"""The column-wise checks and the event parser must never disagree about a row."""

from __future__ import annotations

import json
import math
import re
import tempfile
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cip.domain.erasure import Erased
from cip.domain.events import (
    ACTION_TAKEN,
    CONVERSATION_RATED,
    CONVERSATION_STARTED,
    IDENTIFIED,
    MAX_AMOUNT_MINOR,
    MESSAGE,
    PURCHASE,
    REFUND,
    STAGE,
    Event,
    EventRejectedError,
    parse_event,
)
from cip.domain.tenants import Tenant
from cip.history import query
from cip.history.table import HistoryTable
from cip.ingest.imports.expressions import Cell, as_property
from cip.ingest.imports.importing import Import, _examine, unwatched
from cip.ingest.imports.plan import Form, Property, Wishes, plain_plan
from cip.ingest.imports.report import fault
from cip.ingest.imports.source import Format, Kind
from cip.ingest.imports.sources import open_source
from tests.factories import NOW, raw_event, tenant

FIELDS = ("event_id", "customer_id", "type", "occurred_at", "channel", "amount", "currency")
PROPERTIES = (
    Property("stage", "stage"),
    Property("conversation_id", "conversation_id"),
    Property("sender", "sender"),
    Property("rating", "rating", "integer"),
    Property("score", "score"),
    Property("action", "action"),
)
COLUMNS = pa.schema(
    [(name, pa.string()) for name in FIELDS]
    + [(item.name, pa.float64() if item.name == "score" else pa.string()) for item in PROPERTIES]
)
TENANTS = (
    tenant(),
    tenant("london", timezone="Europe/London", currency="GBP"),
    tenant("yen", timezone="Asia/Tokyo", currency="JPY", retention_days=400),
    tenant("odd", timezone="Australia/Lord_Howe", currency="KWD"),
)

texts = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "a", "Müller", "x ", "\tx", "a\nb", "a b", "東京", "a\u200bb", "é" * 9]
    ),
    st.text(max_size=12),
    st.integers(62, 300).map(lambda size: "x" * size),
)
types = st.one_of(
    st.sampled_from([PURCHASE, REFUND, STAGE, MESSAGE, ACTION_TAKEN, IDENTIFIED, "page.viewed"]),
    st.sampled_from([CONVERSATION_STARTED, CONVERSATION_RATED]),
    texts,
)
plain_times = st.datetimes(
    min_value=NOW.replace(tzinfo=None) - timedelta(days=60_000),
    max_value=NOW.replace(tzinfo=None) + timedelta(days=3),
).map(lambda at: at.isoformat(sep=" "))
zoned_times = st.tuples(
    plain_times, st.sampled_from(["Z", "+00:00", "-0330", "+05:45", "+14", "z"])
)
times = st.one_of(
    plain_times,
    zoned_times.map("".join),
    st.sampled_from(
        [
            *("2026-03-29 01:30:00", "2026-10-25 01:30:00", "2026-04-05T01:45", "2026-10-04 02:15"),
            *("20261101", "2026-W40-3", "2026-11-01T10", "2026-02-30", "2026-11-01 24:00:00"),
            *("2026-11-01 10:00:00.1234567", "2026-11-01T10:00:00,5", "2026-11-01-05:00", "x" * 65),
            *("1869-01-01", "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", "later", ""),
        ]
    ),
    texts,
)
amounts = st.one_of(
    st.none(),
    st.decimals(-10, 10**6, allow_nan=False, places=4).map(str),
    st.sampled_from(
        ["2.675", "0.005", "-0.004", "1e3", "1E-2", "NaN", "inf", "1,50", "", " 5", "5."]
    ),
    st.sampled_from(
        ["1_000", "10000000000000", "10000000000000.01", "9" * 40, "0." + "0" * 30 + "5"]
    ),
)
rows = st.fixed_dictionaries(
    {
        "event_id": st.one_of(st.integers(0, 10**6).map(str), texts),
        "customer_id": st.one_of(st.just("c1"), texts),
        "type": types,
        "occurred_at": st.one_of(plain_times, times),
        "channel": st.one_of(st.just("web"), texts),
        "amount": amounts,
        "currency": st.sampled_from([None, None, "EUR", "GBP", "JPY", "KWD", ""]),
        "stage": texts,
        "conversation_id": st.one_of(st.just("k1"), texts),
        "sender": st.sampled_from([None, "customer", "agent", "bot", "Agent", ""]),
        "rating": st.sampled_from(
            [None, "1", "5", "0", "6", "-3", "9223372036854775808", "9" * 25]
        ),
        "score": st.one_of(st.none(), st.floats()),
        "action": texts,
    }
)
DIGITS = {"EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3}


def minor(text: str, currency: str) -> int | str:
    """What the import makes of an amount before the parser would see it."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return text
    exact = Fraction(text) * Fraction(10 ** DIGITS[currency])
    # Too large is too large: no number of more than 64 bits ever gets to the parser.
    size = min(math.floor(abs(exact) + Fraction(1, 2)), 2**63 - 1)
    return -size if exact < 0 else size


def as_raw(row: dict[str, Any], owner: Tenant) -> dict[str, Any]:
    """The row as an API client would send it."""
    properties: dict[str, Any] = {}
    if row["amount"]:
        properties["amount_minor"] = minor(row["amount"], owner.currency)
    if row["currency"] is not None or row["amount"] is not None:
        properties["currency"] = row["currency"] if row["currency"] is not None else owner.currency
    for item in PROPERTIES:
        value = row[item.name]
        if value is not None:
            properties[item.name] = int(value) if item.name == "rating" else value
    plain = ("event_id", "customer_id", "type", "occurred_at", "channel")
    return {**{name: row[name] for name in plain}, "properties": properties}


def by_parser(row: dict[str, Any], owner: Tenant) -> Event | tuple[str, str | None]:
    try:
        return parse_event(as_raw(row, owner), tenant=owner, now=NOW)
    except EventRejectedError as error:
        return error.code, error.field


def unreadable(amount: str | None, currency: str) -> bool:
    """An amount that is none, which the import refuses of every type of event: the parser would
    take it as a property like any other, and a sum would silently lack it."""
    if not amount:
        return False
    value = minor(amount, currency)
    return isinstance(value, str) or abs(value) > MAX_AMOUNT_MINOR


def by_columns(table: list[dict[str, Any]], owner: Tenant) -> dict[int, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(pa.Table.from_pylist(table, schema=COLUMNS), path)
        source = open_source(path, Format())
        wishes = Wishes(fields={name: name for name in FIELDS}, properties=PROPERTIES)
        plan = plain_plan(wishes, list(source.kinds), owner.currency)
        with query.connect(HistoryTable(folder, owner.id)) as connection:
            _examine(connection, Import(source, plan, owner, path), NOW, unwatched, Erased())
            found = connection.execute(
                "SELECT row, fault, id, customer_id, type, at_us, channel, minor, properties "
                "FROM checked"
            ).fetchall()
    return {
        row: (reason.code, reason.field)
        if text is not None and (reason := fault(text, plan))
        else tuple(rest)
        for row, text, *rest in found
    }


@settings(max_examples=40, deadline=None)
@given(table=st.lists(rows, min_size=1, max_size=60), owner=st.sampled_from(TENANTS))
def test_columns_and_parser_agree_on_any_row(table: list[dict[str, Any]], owner: Tenant) -> None:
    found = by_columns(table, owner)
    for number, row in enumerate(table, 1):
        expected = by_parser(row, owner)
        if isinstance(expected, Event) and unreadable(row["amount"], owner.currency):
            expected = ("invalid", "properties.amount_minor")
        if not isinstance(expected, Event):
            assert found[number] == expected, row
            continue
        assert found[number][:5] == (
            expected.event_id,
            expected.customer_id,
            expected.type,
            expected.occurred_at_us,
            expected.channel,
        ), row
        if row["amount"]:
            assert found[number][5] == expected.properties["amount_minor"], row
        if row["amount"] != "":
            assert json.loads(found[number][6]) == expected.properties, row


def test_the_size_limit_is_the_parsers_to_the_byte() -> None:
    """A note of ñ takes six bytes a letter in the parser's measure."""
    owner = tenant()
    blank = dict.fromkeys(COLUMNS.names)
    plain = {**blank, "customer_id": "c", "type": "note", "occurred_at": "2026-11-01"}
    table = [
        {**plain, "event_id": str(size), "action": "ñ" * size, "stage": filler}
        for size in (5_450, 5_455, 5_460)
        for filler in ("", "x", "xx", "xxx", "xxxx", "xxxxx", "xxxxxx", "x" * 7, "x" * 40)
    ]
    found = by_columns(table, owner)
    outcomes = [by_parser(row, owner) for row in table]
    refused = [number for number, got in found.items() if got == ("too_large", "properties")]
    expected = [at for at, got in enumerate(outcomes, 1) if not isinstance(got, Event)]
    assert sorted(refused) == expected
    assert 0 < len(expected) < len(table)


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize(
    "number",
    ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
     "9223372036854775807.5", "9.2e18", "9.3e18", "-1e300", "1e+17", "123456789012345678e2",
     "0.1e-400", "1E5", "922337203685477580.7", "-9.3E+18"],
)  # fmt: skip
def test_a_number_written_out_has_64_bits_for_both(number: str, kind: Kind) -> None:
    form: Form = "number" if kind == "text" else "auto"
    sql = as_property(Cell(f"CAST('{number}' AS {kind})", kind), form, may_nest=False)
    ((found,),) = duckdb.execute(f"SELECT {sql.fault}").fetchall()
    raw = raw_event(properties=orjson.loads(f'{{"a": {number}}}'))
    try:
        parse_event(raw, tenant=tenant(), now=NOW)
        expected = None
    except EventRejectedError as error:
        expected = error.code
    assert found == expected
