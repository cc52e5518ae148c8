"""Imports of the public data sets, against published figures and counts made with pandas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cip.domain.tenants import Tenant, TenantId
from cip.history import query
from cip.history.table import HistoryTable
from cip.ingest.imports.importing import Import, run_import, undo_import
from cip.ingest.imports.plan import Wishes
from cip.ingest.imports.presets import preset, preset_plan
from cip.ingest.imports.report import Report
from cip.ingest.imports.source import Format
from cip.ingest.imports.sources import open_source

pytestmark = pytest.mark.realdata

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)


class Shop:
    """A tenant of its own for one file and its preset."""

    def __init__(self, folder: Path, name: str) -> None:
        self.preset = preset(name)
        self.folder = folder
        self.tenant = Tenant(
            id=TenantId("real"),
            name="Real",
            currency=self.preset.currency or "EUR",
            timezone=self.preset.timezone or "UTC",
            created_at=NOW,
        )
        self.table = HistoryTable(str(folder / "history"), self.tenant.id)

    def take(self, path: Path) -> Report:
        source = open_source(path, Format(fixed=self.preset.fixed))
        plan = preset_plan(self.preset, Wishes(), list(source.kinds), self.tenant.currency)
        rejected = self.folder / "rejected.csv"
        return run_import(Import(source, plan, self.tenant, rejected), self.table, NOW)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with query.connect(self.table) as connection:
            return [tuple(row) for row in connection.execute(statement).fetchall()]


@pytest.fixture(scope="module")
def retail(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Report]:
    shop = Shop(tmp_path_factory.mktemp("retail"), "online-retail")
    return shop, shop.take(realdata / "online_retail.parquet")


def test_online_retail_gives_the_published_figures(retail: tuple[Shop, Report]) -> None:
    shop, report = retail
    assert report.rows_accepted == 397_884
    totals = shop.ask(
        "SELECT count(*), count(DISTINCT customer_id), sum(amount_minor), count(DISTINCT event_id) "
        "FROM events WHERE type = 'purchase.completed'"
    )
    assert totals == [(18_532, 4_338, 891_140_790, 18_532)]
    assert shop.ask(
        "SELECT customer_id, sum(amount_minor) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 3"
    ) == [("14646", 28_020_602), ("18102", 25_965_730), ("17450", 19_455_079)]
    assert shop.ask(
        "SELECT count(DISTINCT customer_id), count(*), sum(amount_minor) FROM events "
        "WHERE strftime(occurred_at::TIMESTAMP, '%Y-%m') = '2011-11'"
    ) == [(1_664, 2_657, 116_181_738)]


def test_online_retail_counts_what_it_skips_by_reason(
    realdata: Path, retail: tuple[Shop, Report]
) -> None:
    """The same rules, one after the other, in pandas."""
    _, report = retail
    left = pd.read_parquet(realdata / "online_retail.parquet")
    rows = len(left)
    expected = {}
    for reason, rule in (
        ("no_customer", "CustomerID.notna()"),
        ("cancelled", "not InvoiceNo.str.startswith('C')"),
        ("quantity_not_positive", "Quantity > 0"),
        ("price_not_positive", "UnitPrice > 0"),
    ):
        kept = left.query(rule)
        expected[reason] = len(left) - len(kept)
        left = kept
    assert report.skipped == {reason: count for reason, count in expected.items() if count}
    assert report.rejected == {}
    assert report.rows_read == rows == 541_909
    assert report.rows_accepted + report.rows_skipped == rows


def test_online_retail_takes_the_earliest_of_an_invoices_times(
    realdata: Path, retail: tuple[Shop, Report]
) -> None:
    shop, _ = retail
    lines = pd.read_parquet(
        realdata / "online_retail.parquet", columns=["InvoiceNo", "InvoiceDate"]
    )
    times = lines.groupby("InvoiceNo")["InvoiceDate"].agg(["min", "nunique"])
    spanning = times[(times["nunique"] > 1) & ~times.index.str.startswith("C")]["min"]
    earliest = spanning.dt.tz_localize("Europe/London").dt.tz_convert("UTC")
    found = dict(
        shop.ask(
            "SELECT json_extract_string(properties, '$.purchase_id'), epoch_us(occurred_at) "
            "FROM events"
        )
    )
    compared = {name: at for name, at in earliest.items() if name in found}
    assert len(compared) > 20
    assert {name: found[name] for name in compared} == {
        name: int(at.timestamp()) * 1_000_000 for name, at in compared.items()
    }


def test_online_retail_can_be_repeated_and_undone(realdata: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "online-retail")
    first = shop.take(realdata / "online_retail.parquet")
    again = shop.take(realdata / "online_retail.parquet")
    assert (again.added, again.known) == (0, 18_532)
    assert shop.ask("SELECT count(*) FROM events") == [(18_532,)]
    assert undo_import(shop.table, first.import_id) == 18_532
    assert shop.ask("SELECT count(*) FROM events") == [(0,)]


def test_cdnow_gives_a_purchase_per_line(realdata: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "cdnow")
    report = shop.take(realdata / "cdnow_sample.txt")
    lines = (realdata / "cdnow_sample.txt").read_text().split("\n")
    cells = [line.split() for line in lines if line.strip()]
    cents = sum(int(row[4].replace(".", "")) for row in cells)
    assert len({row[1] for row in cells}) == 2_357
    assert report.added == len(cells) == 6_919
    assert shop.ask(
        "SELECT count(*), count(DISTINCT customer_id), sum(amount_minor), "
        "min(occurred_at)::DATE::VARCHAR, max(occurred_at)::DATE::VARCHAR FROM events"
    ) == [(6_919, 2_357, cents, "1997-01-01", "1998-06-30")]


def test_orders_give_purchases_and_who_the_customers_are(realdata: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "orders")
    shop.take(realdata / "rfm_orders.csv")
    orders = pd.read_csv(realdata / "rfm_orders.csv")
    assert shop.ask(
        "SELECT type, count(*), count(DISTINCT customer_id), sum(amount_minor) FROM events "
        "GROUP BY 1 ORDER BY 1"
    ) == [
        ("customer.identified", 995, 995, None),
        ("purchase.completed", 4_906, 995, int(orders["revenue"].sum()) * 100),
    ]
    ((properties,),) = shop.ask(
        "SELECT properties FROM events "
        "WHERE type = 'customer.identified' AND customer_id = 'Brion Stark'"
    )
    assert json.loads(properties) == {"name": "Brion Stark", "email": "brion_stark@rfmail.com"}


def test_an_event_log_keeps_its_activities_and_their_order(realdata: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "event-log")
    shop.take(realdata / "traffic_fines.csv.gz")
    assert shop.ask(
        "SELECT count(*), count(DISTINCT customer_id), count(DISTINCT type), "
        "count(*) FILTER (WHERE json_extract_string(properties, '$.stage') = type), "
        "count(source_order) FROM events"
    ) == [(34_724, 10_000, 11, 34_724, 34_724)]
    variants = shop.ask(
        "SELECT path, count(*) FROM (SELECT string_agg(type, ', ' ORDER BY occurred_at, "
        "source_order) AS path FROM events GROUP BY customer_id) GROUP BY 1 ORDER BY 2 DESC"
    )
    assert len(variants) == 44
    assert variants[0] == ("Create Fine, Payment", 3_428)


def test_an_event_log_is_known_by_its_standard_names_too(realdata: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "event-log")
    shop.take(realdata / "running_example.csv")
    assert shop.ask(
        "SELECT count(*), count(DISTINCT customer_id), count(DISTINCT type) FROM events"
    ) == [(42, 6, 8)]


def test_conversations_start_once_and_keep_every_turn(realdata: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "conversations")
    shop.take(realdata / "customer_care.csv.gz")
    assert shop.ask("SELECT type, count(*) FROM events GROUP BY 1 ORDER BY 1") == [
        ("conversation.started", 1_025),
        ("message.sent", 2_350),
    ]
    assert shop.ask("SELECT count(DISTINCT channel) FROM events") == [(25,)]
    ((median,),) = shop.ask(
        "WITH turns AS (SELECT json_extract_string(properties, '$.conversation_id') AS talk, "
        "json_extract_string(properties, '$.sender') AS sender, epoch(occurred_at) AS said "
        "FROM events WHERE type = 'message.sent'), "
        "firsts AS (SELECT talk, min(said) FILTER (WHERE sender = 'customer') AS asked, "
        "min(said) FILTER (WHERE sender = 'agent') AS answered FROM turns GROUP BY talk) "
        "SELECT median(answered - asked) / 60 FROM firsts"
    )
    assert median == pytest.approx(124.68, abs=0.01)
