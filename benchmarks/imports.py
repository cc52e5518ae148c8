"""Importing files against DuckDB copying the same file to Parquet, by turns."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from _common import PROJECT, tell_ratio

from cip.domain.tenants import Tenant, tenant_id
from cip.history.table import HistoryTable
from cip.ingest.imports.importing import Import, run_import
from cip.ingest.imports.plan import Plan, Wishes, parse_properties, plain_plan
from cip.ingest.imports.presets import preset, preset_plan
from cip.ingest.imports.source import Format, Source
from cip.ingest.imports.sources import open_source

ROUNDS: Final = 5
GOAL: Final = 0.3
ROWS: Final = 1_000_000
SEED: Final = 1
WISHES: Final = Wishes(
    fields={
        "event_id": "id",
        "customer_id": "who",
        "type": "what",
        "occurred_at": "at",
        "channel": "channel",
        "amount": "amount",
    },
    properties=parse_properties(("page=page", "score:integer=score")),
)
Planned = Callable[[Source], Plan]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cip-bench-") as name:
        folder = Path(name)
        for file in _event_files(folder):
            _compare(file, folder, _plain)
        data = Path(os.environ.get("CIP_REALDATA") or PROJECT.parent / "shared" / "data")
        retail = data / "online_retail.parquet"
        if retail.is_file():
            _compare(retail, folder, _of_retail)
        else:
            print(f"  skipped: there is no {retail} (CIP_REALDATA says where the data sets are)")


def _compare(file: Path, folder: Path, planned: Planned) -> None:
    rounds = folder / file.name.replace(".", "-")
    _import(file, rounds / "warm-up", planned)
    _copy(file, folder / "copy.parquet")
    ratios = [_round(file, rounds / str(number), planned) for number in range(ROUNDS)]
    name = f"{file.name}: import rows per second / plain DuckDB copy"
    tell_ratio(name, statistics.median(ratios), GOAL)


def _round(file: Path, folder: Path, planned: Planned) -> float:
    copied = _copy(file, folder.with_suffix(".parquet"))
    imported, rows = _import(file, folder, planned)
    print(
        f"    {file.name}: import {imported:.2f} s ({rows / imported:,.0f} rows/s), "
        f"copy {copied:.2f} s ({rows / copied:,.0f} rows/s)"
    )
    return copied / imported


def _import(file: Path, root: Path, planned: Planned) -> tuple[float, int]:
    """Seconds from the open file to the durable commit, and the rows read."""
    now = datetime.now(UTC)
    owner = Tenant(
        id=tenant_id("bench"),
        name="Bench",
        currency="GBP",
        timezone="Europe/London",
        created_at=now,
    )
    start = time.perf_counter()
    source = open_source(file, Format())
    order = Import(source, planned(source), owner, root / "rejected.csv")
    report = run_import(order, HistoryTable(str(root), owner.id), now)
    if report.added == 0:
        raise SystemExit("nothing was imported")
    return time.perf_counter() - start, report.rows_read


def _plain(source: Source) -> Plan:
    return plain_plan(WISHES, list(source.kinds), "GBP")


def _of_retail(source: Source) -> Plan:
    return preset_plan(preset("online-retail"), Wishes(), list(source.kinds), "GBP")


def _copy(file: Path, target: Path) -> float:
    start = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        read = connection.read_csv if file.suffix == ".csv" else connection.read_parquet
        read(str(file)).write_parquet(str(target))
    return time.perf_counter() - start


def _event_files(folder: Path) -> tuple[Path, Path]:
    """The same events as CSV and as Parquet: an event a row, two properties of their own."""
    draw = np.random.default_rng(SEED)
    seconds = draw.integers(0, 600 * 86_400, ROWS).astype("timedelta64[s]")
    kinds = pa.array(["page.viewed", "purchase.completed", "feature.used", "search.made"])
    channels = pa.array(["web", "app", "email"])
    table = pa.table(
        {
            "id": [f"e{number:09d}" for number in range(ROWS)],
            "who": [f"customer-{number}" for number in draw.integers(0, 200_000, ROWS)],
            "what": kinds.take(pa.array(draw.integers(0, len(kinds), ROWS))),
            "at": pa.array(np.datetime64("2024-01-01T00:00:00") + seconds).cast("timestamp[us]"),
            "channel": channels.take(pa.array(draw.integers(0, len(channels), ROWS))),
            "amount": np.round(draw.random(ROWS) * 100, 2),
            "page": [f"/products/{number}" for number in draw.integers(0, 1_000, ROWS)],
            "score": draw.integers(0, 100, ROWS),
        }
    )
    files = folder / "events.csv", folder / "events.parquet"
    pa_csv.write_csv(table, files[0])
    pq.write_table(table, files[1])
    return files


if __name__ == "__main__":
    main()
