"""Files made by hand: what an import takes, refuses, counts, repeats and undoes."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cip.domain.errors import InvalidInputError
from cip.domain.money import minor_digits
from cip.history import query
from cip.history.table import HistoryTable
from cip.ingest.imports.importing import Import, run_import, tenant_of, undo_import
from cip.ingest.imports.money import to_minor
from cip.ingest.imports.plan import Wishes, parse_pairs, parse_properties, plain_plan
from cip.ingest.imports.presets import preset, preset_plan
from cip.ingest.imports.report import Report
from cip.ingest.imports.source import Format
from cip.ingest.imports.sources import open_source
from tests.factories import NOW, tenant

USUAL = ("customer_id=who", "occurred_at=when", "type=what")
HEAD = "who,when,what\n"
GOOD = "c1,2026-11-01 10:00,page.viewed\n"


class Desk:
    """Imports files of one folder into the history of one tenant."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.tenant = tenant(**changes)
        self.table = HistoryTable(str(folder / "history"), self.tenant.id)

    def file(self, content: str | bytes, name: str = "in.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def take(
        self,
        path: Path,
        maps: Sequence[str] = USUAL,
        *,
        properties: Sequence[str] = (),
        form: Format | None = None,
        use: str | None = None,
        dry_run: bool = False,
        **wishes: Any,
    ) -> Report:
        chosen = preset(use) if use else None
        source = open_source(path, form or Format(fixed=chosen.fixed if chosen else None))
        wanted = Wishes(
            fields=parse_pairs(maps if chosen is None else (), "--map"),
            properties=parse_properties(properties),
            **wishes,
        )
        columns = list(source.kinds)
        currency = self.tenant.currency
        plan = (
            preset_plan(chosen, wanted, columns, currency)
            if chosen
            else plain_plan(wanted, columns, currency)
        )
        order = Import(source, plan, self.tenant, self.folder / "rejected.csv", dry_run)
        return run_import(order, self.table, NOW)

    def events(self) -> list[dict[str, Any]]:
        with query.connect(self.table) as connection:
            found = connection.execute(
                "SELECT event_id, customer_id, type, epoch_us(occurred_at), channel, properties, "
                "amount_minor, source_order, import_id, import_row FROM events ORDER BY import_row"
            ).fetchall()
        names = [*("event_id", "customer_id", "type", "at_us", "channel", "properties")]
        names += ["amount_minor", "source_order", "import_id", "import_row"]
        made = [dict(zip(names, row, strict=True)) for row in found]
        return [{**event, "properties": json.loads(event["properties"])} for event in made]

    def rejected(self) -> list[dict[str, str]]:
        with (self.folder / "rejected.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def desk_of(tmp_path: Path) -> Callable[..., Desk]:
    return lambda **changes: Desk(tmp_path, **changes)


def at_us(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000_000)


def test_rows_become_events_with_their_row_and_import(desk: Desk) -> None:
    report = desk.take(desk.file(f"{HEAD}{GOOD}c2,2026-11-01T12:30:00+02:00,Create Fine\n"))
    assert (report.rows_read, report.rows_accepted, report.added) == (2, 2, 2)
    first, second = desk.events()
    assert first["at_us"] == at_us("2026-11-01T10:00:00Z")
    assert (first["channel"], first["import_row"], first["properties"]) == ("unknown", 1, {})
    assert (second["customer_id"], second["type"]) == ("c2", "Create Fine")
    assert second["at_us"] == at_us("2026-11-01T10:30:00Z")
    assert second["import_id"] == report.import_id
    assert tenant_of(report.import_id) == "acme"


def test_repeating_an_import_adds_nothing_and_undoing_leaves_nothing(desk: Desk) -> None:
    path = desk.file(HEAD + GOOD * 3)
    first = desk.take(path)
    again = desk.take(path)
    assert (first.added, again.added, again.known) == (3, 0, 3)
    assert again.import_id == first.import_id
    assert len({event["event_id"] for event in desk.events()}) == 3
    assert undo_import(desk.table, first.import_id) == 3
    assert desk.events() == []
    assert undo_import(desk.table, first.import_id) == 0
    assert desk.take(path).added == 3


def test_a_longer_export_of_the_same_rows_adds_only_the_new_ones(desk: Desk) -> None:
    desk.take(desk.file(HEAD + GOOD * 2, "january.csv"))
    second = desk.take(desk.file(HEAD + GOOD * 3, "february.csv"))
    assert (second.added, second.known) == (1, 2)
    assert undo_import(desk.table, second.import_id) == 1
    assert len(desk.events()) == 2


def test_the_same_times_in_csv_and_parquet_are_the_same_events(desk: Desk) -> None:
    desk.take(desk.file(HEAD + GOOD))
    path = desk.folder / "in.parquet"
    when = pa.array([datetime(2026, 11, 1, 10)], pa.timestamp("ns"))  # noqa: DTZ001 - naive on purpose
    pq.write_table(pa.table({"who": ["c1"], "when": when, "what": ["page.viewed"]}), path)
    assert desk.take(path).known == 1


def test_an_import_that_lost_a_part_since_is_completed_under_a_second_id(desk: Desk) -> None:
    path = desk.file(f"{HEAD}{GOOD}c2,2026-11-01 10:00,page.viewed\n")
    first = desk.take(path)
    desk.table._load().delete("customer_id = 'c2'")
    second = desk.take(path)
    assert (second.added, second.import_id) == (1, f"{first.import_id}-2")
    assert undo_import(desk.table, second.import_id) == 1


def test_a_dry_run_counts_the_same_and_writes_nothing(desk: Desk) -> None:
    path = desk.file(f"{HEAD}{GOOD},2026-11-01,page.viewed\n")
    dry = desk.take(path, dry_run=True)
    assert sorted(item.name for item in desk.folder.iterdir()) == ["in.csv"]
    real = desk.take(path)
    assert (dry.added, dry.rejected, dry.import_id) == (1, real.rejected, real.import_id)
    assert desk.take(path, dry_run=True).known == 1


def test_mapped_ids_count_once_and_the_first_row_wins(desk: Desk) -> None:
    rows = "".join(f"{number},c{number},2026-11-01,a,e1\n" for number in (1, 2, 3))
    path = desk.file(f"n,who,when,what,id\n{rows}4,c4,2026-11-01,a,\n")
    report = desk.take(path, (*USUAL, "event_id=id"))
    assert (report.added, report.repeated, report.rows_rejected) == (1, 2, 1)
    assert [event["customer_id"] for event in desk.events()] == ["c1"]
    assert desk.rejected()[0]["field"] == "event_id"


def test_rejected_rows_are_kept_with_number_reason_and_all_their_cells(desk: Desk) -> None:
    path = desk.file(
        "who,when,what,note\n"
        "c1,2026-11-01,a,fine\n"
        ",2026-11-01,a,=1+1\n"
        "c3,yesterday,a,-5\n"
        "c4,2027-11-01,a,\n"
        "c5,2026-11-01,a\n"
        "c6,2026-11-01,a,x,y\n"
        "c7,2026-11-01,a,last\n"
    )
    report = desk.take(path)
    assert (report.rows_read, report.rows_accepted, report.rows_rejected) == (7, 2, 5)
    found = {int(row["row"]): row for row in desk.rejected()}
    assert {number: (row["code"], row["field"]) for number, row in found.items()} == {
        2: ("missing", "customer_id"),
        3: ("invalid", "occurred_at"),
        4: ("future", "occurred_at"),
        5: ("columns", "line"),
        6: ("columns", "line"),
    }
    assert found[2]["note"] == "'=1+1"
    assert (found[3]["when"], found[3]["note"]) == ("yesterday", "-5")
    assert found[6]["who"] == "c6,2026-11-01,a,x,y"
    assert [event["import_row"] for event in desk.events()] == [1, 7]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("\ufeffwho,when,what\nMüller,2026-11-01,a\n".encode(), Format()),
        ("who;when;what\nMüller;2026-11-01;a\n".encode(), Format()),
        ("who|when|what\r\nMüller|2026-11-01|a\r\n".encode(), Format()),
        ("who,when,what\nMüller,2026-11-01,a\n".encode("cp1252"), Format(encoding="cp1252")),
        ("who,when,what\nMüller,2026-11-01,a\n".encode("utf-16"), Format(encoding="utf-16")),
        (gzip.compress("who,when,what\nMüller,2026-11-01,a".encode()), Format()),
        ('"who","when","what"\n"Müller","2026-11-01","a"\n'.encode(), Format()),
        ("who~when~what\nMüller~2026-11-01~a\n".encode(), Format(delimiter="~")),
    ],
    ids=["mark", "semicolon", "pipe-crlf", "cp1252", "utf-16", "gzip", "quoted", "own-delimiter"],
)
def test_csv_in_any_common_dress(desk: Desk, content: bytes, form: Format) -> None:
    assert desk.take(desk.file(content), form=form).added == 1
    assert desk.events()[0]["customer_id"] == "Müller"


def test_quotes_newlines_and_delimiters_stay_inside_their_cell(desk: Desk) -> None:
    path = desk.file(
        'who,when,what,note\nc1,2026-11-01,a,"say ""hi"",\nthen go"\n' + "c2,2026-11-01,a,\n"
    )
    desk.take(path, properties=["note=note"])
    assert [event["properties"] for event in desk.events()] == [{"note": 'say "hi",\nthen go'}, {}]
    assert [event["import_row"] for event in desk.events()] == [1, 2]


def test_a_huge_cell_is_one_rejected_row(desk: Desk) -> None:
    path = desk.file(f"who,when,what,note\nc1,2026-11-01,a,{'x' * 3_000_000}\nc2,2026-11-01,a,x\n")
    report = desk.take(path, properties=["note=note"])
    assert {(reason.code, reason.field): rows for reason, rows in report.rejected.items()} == {
        ("too_large", "properties"): 1
    }
    assert report.added == 1


def test_row_numbers_stay_right_beyond_the_first_block_of_a_file(desk: Desk) -> None:
    filler = "x" * 1_000
    good = [f"c{number},2026-11-01,a,{filler}\n" for number in range(1, 20_001)]
    good[4] = good[17_000] = "too,short\n"
    report = desk.take(desk.file("who,when,what,note\n" + "".join(good)))
    assert (report.rows_read, report.added) == (20_000, 19_998)
    assert [int(row["row"]) for row in desk.rejected()] == [5, 17_001]
    assert all(event["customer_id"] == f"c{event['import_row']}" for event in desk.events())


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "in.csv", "is empty"),
        (b"\n\n", "in.csv", "no header"),
        ("who,when,what\nMüller,2026-11-01,a\n".encode("cp1252"), "in.csv", "--encoding"),
        (b"who,who,when\n1,2,3\n", "in.csv", "more than one column named 'who'"),
        (b"not parquet at all", "in.parquet", "cannot be read"),
        (b"x", "in.xlsx", "the name must end in"),
        (
            gzip.compress(b"who,when,what\n" + GOOD.encode() * 999)[:40],
            "in.csv.gz",
            "cannot be read",
        ),
        (b"a,b\n1,2\n", "in.csv", "no column 'who'. It has: a, b"),
    ],
)
def test_an_unusable_file_is_refused_in_words(
    desk: Desk, content: bytes, name: str, said: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        desk.take(desk.file(content, name))
    assert said in refusal.value.message
    assert not desk.table.exists()


def test_a_missing_file_is_named(desk: Desk) -> None:
    with pytest.raises(InvalidInputError, match=r"There is no file .*absent\.csv"):
        desk.take(desk.folder / "absent.csv")


@pytest.mark.parametrize(
    ("maps", "wishes", "said"),
    [
        (("customer_id=who", "occurred_at=when"), {}, "--type"),
        (USUAL, {"type": "a"}, "either --map type=COLUMN or --type"),
        (("customer_id=who", "type=what"), {}, "--map occurred_at=COLUMN is missing"),
        ((*USUAL, "colour=what"), {}, "--map colour: there is no such field"),
        ((*USUAL, "amount=who", "amount_minor=who"), {}, "not both"),
        (("customer_id",), {}, "FIELD=COLUMN"),
        (("customer_id=who", "customer_id=what"), {}, "twice"),
    ],
)
def test_a_bad_mapping_is_refused_by_name(
    desk: Desk, maps: Sequence[str], wishes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        desk.take(desk.file(HEAD + GOOD), maps, **wishes)
    assert said in refusal.value.message


def test_times_without_zone_are_the_tenants_even_where_clocks_change(
    desk_of: Callable[..., Desk],
) -> None:
    """London: 01:30 on 2026-03-29 never was (read with the offset before), and on 2026-10-25 was
    twice (the first is meant)."""
    desk = desk_of(timezone="Europe/London", currency="GBP")
    times = (
        "2026-03-29 01:30",
        "2026-10-25 01:30",
        "2026-07-01",
        "2026-01-01",
        "2026-07-01T00:00Z",
    )
    desk.take(desk.file(HEAD + "".join(f"c,{time},a\n" for time in times)))
    assert [event["at_us"] for event in desk.events()] == [
        at_us("2026-03-29T01:30:00Z"),
        at_us("2026-10-25T00:30:00Z"),
        at_us("2026-06-30T23:00:00Z"),
        at_us("2026-01-01T00:00:00Z"),
        at_us("2026-07-01T00:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("%d/%m/%Y %H:%M", "01/11/2026 10:00"),
        ("epoch", "1793527200"),
        ("epoch_ms", "1793527200000"),
    ],
)
def test_times_in_another_notation(desk: Desk, time_format: str, text: str) -> None:
    path = desk.file(f"{HEAD}c1,{text},a\nc2,2026-11-01 10:00,a\n")
    report = desk.take(path, time_format=time_format)
    assert (report.added, report.rows_rejected) == (1, 1)
    assert desk.events()[0]["at_us"] == at_us("2026-11-01T10:00:00Z")


MONEY = ("customer_id=who", "occurred_at=when", "amount=sum")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        *(("2.675", 268), ("1.005", 101), ("0.285", 29), ("0.00499999999999999999999", 0)),
        *(("0.005", 1), ("19.99", 1999), ("3", 300), ("1e3", 100_000), ("+4.5", 450)),
    ],
)
def test_amounts_are_exact_and_halves_go_away_from_zero(desk: Desk, text: str, minor: int) -> None:
    desk.take(desk.file(f"who,when,sum\nc,2026-11-01,{text}\n"), MONEY, type="purchase.completed")
    event = desk.events()[0]
    assert event["amount_minor"] == minor
    assert event["properties"] == {"amount_minor": minor, "currency": "EUR"}


def test_an_amount_that_is_none_is_refused_of_any_event(desk: Desk) -> None:
    rows = "".join(f"c,2026-11-01,{text}\n" for text in ("4.50", "-1", "", "cheap", "1e30"))
    desk.take(desk.file(f"who,when,sum\n{rows}"), MONEY, type="page.viewed")
    assert [event["properties"].get("amount_minor") for event in desk.events()] == [450, -100, None]
    assert [(row["row"], row["code"], row["field"]) for row in desk.rejected()] == [
        ("4", "invalid", "properties.amount_minor"),
        ("5", "invalid", "properties.amount_minor"),
    ]


def test_binary_floats_are_read_as_the_decimals_they_stand_for(desk: Desk) -> None:
    path = desk.folder / "in.parquet"
    sums = [2.675, 1.005, 0.285, 1e15 + 0.3, 1 / 3, float("nan"), float("inf"), None]
    columns = {"who": ["c"] * 8, "when": ["2026-11-01"] * 8, "sum": sums}
    pq.write_table(pa.table(columns), path)
    desk.take(path, MONEY, type="purchase.completed")
    assert [event["amount_minor"] for event in desk.events()] == [268, 101, 29, 33]
    assert [(row["row"], row["code"], row["field"]) for row in desk.rejected()] == [
        ("4", "invalid", "properties.amount_minor"),
        ("6", "invalid", "properties.amount_minor"),
        ("7", "invalid", "properties.amount_minor"),
        ("8", "missing", "properties.amount_minor"),
    ]


def test_minor_amounts_are_whole_and_negative_ones_are_refused(desk: Desk) -> None:
    path = desk.file("who,when,sum\nc,2026-11-01,250\nc,2026-11-01,2.5\nc,2026-11-01,-1\n")
    maps = ("customer_id=who", "occurred_at=when", "amount_minor=sum")
    report = desk.take(path, maps, type="purchase.refunded")
    assert [event["amount_minor"] for event in desk.events()] == [250]
    assert report.rows_rejected == 2


def test_decimal_commas_are_read_when_said(desk: Desk) -> None:
    path = desk.file("who;when;sum\nc;2026-11-01;12,50\nc;2026-11-01;1.000\n")
    desk.take(path, MONEY, type="purchase.completed", decimal_comma=True)
    assert [event["amount_minor"] for event in desk.events()] == [1250]


def test_the_minor_unit_is_the_currencys(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(currency="JPY")
    desk.take(desk.file("who,when,sum\nc,2026-11-01,1250.5\n"), MONEY, type="purchase.completed")
    assert desk.events()[0]["amount_minor"] == 1251
    assert (minor_digits("KWD"), to_minor("1.2345", 3)) == (3, 1235)


def test_another_currency_is_rejected_with_its_own_code(desk: Desk) -> None:
    path = desk.file("who,when,sum,cur\nc,2026-11-01,1,EUR\nc,2026-11-01,1,USD\nc,2026-11-01,1,\n")
    desk.take(path, (*MONEY, "currency=cur"), type="purchase.completed")
    assert len(desk.events()) == 2
    assert [(row["row"], row["code"]) for row in desk.rejected()] == [("2", "currency")]


def test_properties_keep_their_kind_and_say_when_they_cannot(desk: Desk) -> None:
    path = desk.file(
        "who,when,what,n,b,t\nc,2026-11-01,a,7,TRUE,007\nc,2026-11-01,a,x,true,\n"
        "c,2026-11-01,a,1.5,maybe,\nc,2026-11-01,a,,,\n"
    )
    desk.take(path, properties=["n:number=n", "b:boolean=b", "a:b=t"])
    assert [event["properties"] for event in desk.events()] == [
        {"n": 7, "b": True, "a:b": "007"},
        {},
    ]
    assert [(row["row"], row["code"], row["field"]) for row in desk.rejected()] == [
        ("2", "type", "properties.n"),
        ("3", "type", "properties.b"),
    ]


def test_ids_are_text_whatever_the_files_type(desk: Desk) -> None:
    path = desk.folder / "in.parquet"
    columns = {
        "who": pa.array([17850.0, None, 1.5]),
        "when": pa.array([datetime(2026, 11, 1, tzinfo=UTC)] * 3, pa.timestamp("ms", "UTC")),
        "what": pa.array(["a", "a", "a"]).dictionary_encode(),
        "order": pa.array([3, 2, 1], pa.int32()),
    }
    pq.write_table(pa.table(columns), path)
    desk.take(path, (*USUAL, "source_order=order"))
    found = [(event["customer_id"], event["source_order"]) for event in desk.events()]
    assert found == [("17850", 3), ("1.5", 1)]


def test_json_lines_keep_types_and_reject_only_the_bad_line(desk: Desk) -> None:
    good = {"who": 7, "when": "2026-11-01", "what": "a", "a/b": {"x": 1}, "ok": True, "n": 1.5}
    lines = [json.dumps(good), "{broken", "", "[1]", json.dumps({**good, "a/b": "flat"})]
    path = desk.file("\n".join(lines), "in.jsonl")
    report = desk.take(path, properties=["deep=a/b", "ok=ok", "n=n"])
    assert [event["properties"] for event in desk.events()] == [
        {"deep": "flat", "ok": True, "n": 1.5}
    ]
    assert [(row["row"], row["code"], row["field"]) for row in desk.rejected()] == [
        ("1", "nested", "properties.deep"),
        ("2", "record", "line"),
        ("4", "record", "line"),
    ]
    assert report.rows_read == 4
    assert desk.rejected()[1]["line"] == "{broken"


def test_items_of_a_purchase_may_be_a_list(desk: Desk) -> None:
    row = {"who": "c", "when": "2026-11-01", "sum": "5", "items": [{"sku": "a"}]}
    lines = [json.dumps({**row, "what": kind}) for kind in ("purchase.completed", "page.viewed")]
    path = desk.file("\n".join(lines), "in.jsonl.gz")
    path.write_bytes(gzip.compress(path.read_bytes()))
    desk.take(path, (*USUAL, "amount=sum"), properties=["items=items"])
    assert [event["properties"]["items"] for event in desk.events()] == [[{"sku": "a"}]]


def test_no_text_of_a_user_is_run_as_sql(desk: Desk) -> None:
    evil = "x\"'; DROP TABLE checked; --"
    path = desk.file(json.dumps({evil: "c", "when": "2026-11-01", "p": evil}), "in.jsonl")
    maps = (f"customer_id={evil}", "occurred_at=when")
    desk.take(path, maps, properties=[f"{evil}:text=p"], type=evil, channel="'; --")
    event = desk.events()[0]
    assert (event["type"], event["properties"]) == (evil, {evil: evil})


def test_an_invoice_is_one_purchase_at_its_earliest_time(desk: Desk) -> None:
    path = desk.file(
        "InvoiceNo,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
        "1,2,2026-11-01 10:01:00,1.005,7.0\n1,3,2026-11-01 10:00:00,0.335,7.0\n"
        "2,1,2026-11-01 11:00:00,5,\nC3,-1,2026-11-01 11:00:00,5,7\n4,0,2026-11-01,5,7\n"
        "5,1,2026-11-01,0,7\n6,many,2026-11-01,5,7\n"
    )
    report = desk.take(path, use="online-retail")
    assert report.skipped == {
        "cancelled": 1,
        "no_customer": 1,
        "price_not_positive": 1,
        "quantity_not_positive": 1,
    }
    assert (report.rows_read, report.rows_accepted, report.rows_rejected) == (7, 2, 1)
    (event,) = desk.events()
    assert event["properties"] == {
        "amount_minor": 302,  # 2 x 1.005 + 3 x 0.335 = 3.015
        "currency": "EUR",
        "purchase_id": "1",
        "items": 2,
        "quantity": 5,
    }
    assert (event["customer_id"], event["import_row"]) == ("7", 1)
    assert event["at_us"] == at_us("2026-11-01T10:00:00Z")


def test_a_conversation_is_its_customers_and_starts_once(desk: Desk) -> None:
    path = desk.file(
        "conversation_id,company,turn,role,author,datetime,text\n"
        "k,Acme,1,agent,Eve,2026-11-01 10:05:00Z,Hello\n"
        "k,Acme,0,customer,ann,2026-11-01 10:00:00Z,Help\n"
        "m,Acme,0,agent,Eve,2026-11-01 10:00:00Z,Anyone?\n"
    )
    report = desk.take(path, use="conversations")
    assert (report.added, report.rows_rejected) == (3, 1)
    assert {event["customer_id"] for event in desk.events()} == {"ann"}
    by_type = {
        (event["type"], event["source_order"]): event["properties"] for event in desk.events()
    }
    assert by_type == {
        ("conversation.started", -1): {"conversation_id": "k"},
        ("message.sent", 0): {"conversation_id": "k", "sender": "customer", "text": "Help"},
        ("message.sent", 1): {
            "conversation_id": "k",
            "sender": "agent",
            "text": "Hello",
            "agent_id": "Eve",
        },
    }


def test_a_preset_names_the_column_it_misses(desk: Desk) -> None:
    with pytest.raises(InvalidInputError, match=r"no column order_date or date; .*--map occ"):
        desk.take(desk.file("customer_id,revenue\n1,2\n"), use="orders")
