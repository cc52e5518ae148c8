"""One import from the open file to the committed transaction, and its undoing."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cip.domain.erasure import Erased
from cip.domain.errors import ConflictError
from cip.domain.events import microseconds
from cip.domain.tenants import Tenant, TenantId
from cip.history import query
from cip.history.table import HistoryTable
from cip.ingest.imports import checks
from cip.ingest.imports.checks import load_sql, used
from cip.ingest.imports.erased import mark_erased
from cip.ingest.imports.plan import Plan
from cip.ingest.imports.rejects import write_rejected
from cip.ingest.imports.report import MALFORMED, Fault, Report, fault
from cip.ingest.imports.source import Source
from cip.ingest.imports.staging import stage
from cip.ingest.imports.turns import turn

MEMORY_MB: Final = 256
_SPILL: Final = "import-"
_HEAP_ROWS: Final = 250_000
_HASH_BYTES: Final = 1024 * 1024
_ID_SEPARATOR: Final = "."
_ATTEMPTS: Final = 100

Watch = Callable[[str, float], None]
Commit = Callable[[Report], AbstractContextManager[object]]


def unwatched(_step: str, _done: float) -> None:
    """For callers that show no progress."""


def unasked() -> None:
    """For callers with nothing to do before the commit."""


@dataclass(frozen=True, slots=True)
class Import:
    """What to import into whose history. `rejected`: where refused rows go."""

    source: Source
    plan: Plan
    tenant: Tenant
    rejected: Path
    dry_run: bool = False


def run_import(
    order: Import,
    table: HistoryTable,
    now: datetime,
    watch: Watch = unwatched,
    before_commit: Callable[[], None] = unasked,
    around_commit: Commit = nullcontext,
    erased: Callable[[], Erased] = Erased,
) -> Report:
    """Commits the file's new events as one transaction; a repeat of it adds nothing.

    Whatever moment the process dies at, the history has all of the import or nothing of it, and
    running the same import again brings it to its end. Two imports of a tenant take turns.
    `before_commit` is called once the file is read and holds something importable,
    `around_commit` surrounds the one commit, where there is something to add. `erased` is asked for
    the tombstones when it is this import's turn.
    """
    if order.dry_run:
        return _rehearse(order, table, now, watch, erased())
    with turn(table), query.connect(table, memory_mb=MEMORY_MB) as connection:
        report = _examine(connection, order, now, watch, erased())
        if report.rejected:
            watch("writing the rejected rows", 0.0)
            faults = _faults(connection, order.plan)
            write_rejected(connection, order.source, faults, order.rejected)
        if report.importable:
            before_commit()
        watch("writing the history", 0.0)
        return _commit(connection, order, table, now, report, around_commit)


def undo_import(
    table: HistoryTable,
    import_id: str,
    around_commit: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> int:
    """Removes exactly the rows of one import; 0 when the history has none of it.

    `around_commit` surrounds the removal, where there is something to remove."""
    if not table.exists():
        return 0
    with turn(table):
        if not table.has_import(import_id):
            return 0
        with around_commit():
            return table.delete_import(import_id)


def tenant_of(import_id: str) -> str:
    """The tenant that an import id names."""
    return import_id.partition(_ID_SEPARATOR)[0]


def import_id_of(tenant: TenantId, path: Path, plan: Plan) -> str:
    """The same for the same content imported the same way, whatever the file is called."""
    digest = hashlib.sha256(plan.identity().encode())
    with path.open("rb") as file:
        while block := file.read(_HASH_BYTES):
            digest.update(block)
    return f"{tenant}{_ID_SEPARATOR}{digest.hexdigest()[:16]}"


def _rehearse(
    order: Import, table: HistoryTable, now: datetime, watch: Watch, erased: Erased
) -> Report:
    """A dry run: on the real history where there is one, without a trace where there is none."""
    with tempfile.TemporaryDirectory() as scratch:
        read = table if table.exists() else HistoryTable(scratch, order.tenant.id)
        with query.connect(read, memory_mb=MEMORY_MB) as connection:
            report = _examine(connection, order, now, watch, erased)
            statement = f"SELECT count(*) FROM ({_fresh_sql()})"  # noqa: S608 - our own text
            values = _fresh_values(order.plan, now, report.import_id)
            [(added,)] = connection.execute(statement, used(statement, values)).fetchall()
            return _concluded(report, report.import_id, added, None)


def _examine(
    connection: duckdb.DuckDBPyConnection,
    order: Import,
    now: datetime,
    watch: Watch,
    erased: Erased,
) -> Report:
    """Reads and checks the whole file; the report still counts every good event as known."""
    plan, source = order.plan, order.source
    checks.prepare(connection, plan, order.tenant, now)
    staging = stage(source, plan, checks.values(plan, order.tenant, now))
    staging.begin(connection)
    rows_read = 0
    batches = source.batches(plan.columns(), lambda done: watch("reading", done))
    for batch in _read_ahead(batches):
        staging.add(connection, batch)
        rows_read += batch.num_rows
    watch("checking", 0.0)
    staging.end(connection)
    if erased:
        mark_erased(connection, erased)
    connection.execute(load_sql("repeated"))
    return _counted(connection, order, rows_read)


def _read_ahead(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Reads the next heap of rows while the last one is worked on."""
    heaps = _heaps(batches)
    with ThreadPoolExecutor(1, "import-reader") as reader:
        following = reader.submit(next, heaps, None)
        while (heap := following.result()) is not None:
            following = reader.submit(next, heaps, None)
            yield heap


def _heaps(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Batches put together, as an insertion of few rows costs nearly as much as one of many."""
    heap: list[pa.Table] = []
    for batch in batches:
        heap.append(batch)
        if sum(map(len, heap)) >= _HEAP_ROWS:
            yield pa.concat_tables(heap)
            heap = []
    if heap:
        yield pa.concat_tables(heap)


def _counted(connection: duckdb.DuckDBPyConnection, order: Import, rows_read: int) -> Report:
    malformed = len(order.source.malformed)
    rejected: dict[Fault, int] = {MALFORMED: malformed} if malformed else {}
    for text, rows in connection.execute(
        "SELECT fault, sum(rows) FROM checked WHERE fault IS NOT NULL AND rows > 0 "
        "GROUP BY fault ORDER BY fault"
    ).fetchall():
        reason = fault(text, order.plan)
        rejected[reason] = rejected.get(reason, 0) + int(rows)
    rows, events, repeated = _one(
        connection,
        "SELECT coalesce(sum(rows), 0), count(*), "
        "(SELECT coalesce(sum(times - 1), 0) FROM repeated) FROM checked WHERE fault IS NULL",
    )
    repeated = 0 if order.plan.derives_ids else int(repeated)
    return Report(
        import_id=import_id_of(order.tenant.id, order.source.path, order.plan),
        rows_read=rows_read + malformed,
        rows_accepted=int(rows),
        skipped=dict(connection.execute("FROM skipped ORDER BY reason").fetchall()),
        rejected=rejected,
        added=0,
        known=int(events) - repeated,
        repeated=repeated,
    )


def _faults(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, Fault]:
    found = connection.execute("SELECT DISTINCT fault FROM checked WHERE fault IS NOT NULL")
    return {text: fault(text, plan) for (text,) in found.fetchall()}


def _concluded(report: Report, import_id: str, added: int, rejected: Path | None) -> Report:
    return Report(
        import_id=import_id,
        rows_read=report.rows_read,
        rows_accepted=report.rows_accepted,
        skipped=report.skipped,
        rejected=report.rejected,
        added=added,
        known=report.known - added,
        repeated=report.repeated,
        rejected_file=rejected if report.rejected else None,
    )


def _commit(
    connection: duckdb.DuckDBPyConnection,
    order: Import,
    table: HistoryTable,
    now: datetime,
    report: Report,
    around: Commit,
) -> Report:
    """What was committed, under which id; nothing new commits nothing."""
    for left in table.folder.glob(f"{_SPILL}*"):  # by an import that was killed
        shutil.rmtree(left)
    chosen = _unused(table, report.import_id)
    with tempfile.TemporaryDirectory(dir=table.folder, prefix=_SPILL) as folder:
        written = Path(folder) / "events.parquet"
        statement = _fresh_sql()
        values = used(statement, _fresh_values(order.plan, now, chosen))
        connection.sql(statement, params=values).write_parquet(str(written))
        added = pq.read_metadata(written).num_rows
        if not added:
            return _concluded(report, report.import_id, 0, order.rejected)
        done = _concluded(report, chosen, added, order.rejected)
        with around(done):
            table.adopt_import(written, added, chosen)
    return done


def _unused(table: HistoryTable, import_id: str) -> str:
    """The id, or a later one where the history kept a part of this import only (customers were
    erased since)."""
    later = (f"{import_id}-{attempt}" for attempt in range(2, _ATTEMPTS))
    for candidate in (import_id, *later):
        if not table.has_import(candidate):
            return candidate
    raise ConflictError(f"The import {import_id} is in the history too many times.")


def _fresh_sql() -> str:
    return load_sql("fresh")


def _fresh_values(plan: Plan, now: datetime, import_id: str) -> dict[str, Any]:
    return {"derive": plan.derives_ids, "now": microseconds(now), "import_id": import_id}


def _one(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[Any, ...]:
    # `fetchone` would leave the result open, and the connection takes nothing else then.
    [row] = connection.execute(statement).fetchall()
    return tuple(row)
