"""What `cip import` does, apart from its options: tenant, import, recount, and the words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cip.cli.accounts import connected, operator
from cip.cli.shell import fail
from cip.domain.errors import ConflictError, InvalidInputError
from cip.domain.tenants import Tenant, TenantId, tenant_id
from cip.history.table import HistoryTable
from cip.ingest.imports import importing
from cip.ingest.imports.plan import Plan, Wishes, plain_plan
from cip.ingest.imports.presets import Preset, preset, preset_plan
from cip.ingest.imports.report import Report
from cip.ingest.imports.source import Format, Source
from cip.ingest.imports.sources import open_source
from cip.ingest.rebuild import rebuild_live
from cip.services import Services
from cip.settings import Settings
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, connect, connect_for_writes
from cip.store.tenants import TenantStore
from cip.store.tombstones import Tombstones

_RIVAL_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Errand:
    """One file for one tenant, as the command line has it; empty texts were not given."""

    file: Path
    tenant: str
    wishes: Wishes
    preset: str = ""
    currency: str = ""
    timezone: str = ""
    delimiter: str | None = None
    encoding: str = "utf-8"
    rejected: Path | None = None
    dry_run: bool = False


def import_file(settings: Settings, errand: Errand) -> None:
    """Raises `CipError` (nothing was imported) or ends the program with 1 (nothing could be)."""
    chosen = preset(errand.preset) if errand.preset else None
    form = Format(errand.encoding, errand.delimiter, chosen.fixed if chosen else None)
    source = open_source(errand.file, form)
    owner, is_new = _owner(settings, errand, chosen)
    order = importing.Import(
        source,
        _plan(chosen, errand.wishes, source, owner.currency),
        owner,
        errand.rejected or errand.file.with_name(f"{errand.file.name}.rejected.csv"),
        errand.dry_run,
    )
    with connected(settings) as services:
        _run(settings, services, order, is_new=is_new)


def _run(settings: Settings, services: Services, order: importing.Import, *, is_new: bool) -> None:
    console = Console()

    def register() -> None:
        if is_new:
            _register(services, order.tenant)

    def recorded(report: Report) -> AbstractContextManager[None]:
        return services.audit.recorded(
            order.tenant.id,
            operator().subject,
            "import.added",
            report.import_id,
            after={"events": report.added, "rows": report.rows_accepted},
        )

    table = HistoryTable(settings.history_url, order.tenant.id)
    tombstones = Tombstones(services.resources.reads, order.tenant.id)
    with _bar(console) as watch:
        report = importing.run_import(
            order, table, _now(), watch, register, recorded, tombstones.current
        )
        if report.importable and not order.dry_run:
            watch("recounting the live figures", 0.0)
            _rebuild(settings, order.tenant.id)
    if is_new and report.importable:
        verb = "would be made" if order.dry_run else "is new and was made"
        console.print(
            f"The tenant {order.tenant.id} {verb} "
            f"({order.tenant.currency}, {order.tenant.timezone})."
        )
    _print(console, report, order)
    if not report.importable:
        fail("The file holds nothing that can be imported.")


def _plan(chosen: Preset | None, wishes: Wishes, source: Source, currency: str) -> Plan:
    available = list(source.kinds)
    if chosen is None:
        return plain_plan(wishes, available, currency)
    return preset_plan(chosen, wishes, available, currency)


def _owner(settings: Settings, errand: Errand, chosen: Preset | None) -> tuple[Tenant, bool]:
    """The tenant, and whether it is still to be made."""
    name = tenant_id(errand.tenant)
    money = errand.currency or (chosen.currency if chosen else None)
    if name in _tenants(settings).ids():
        known = _tenants(settings).get(name)
        _check_same(known, money, errand.timezone)
        return known, False
    zone = errand.timezone or (chosen.timezone if chosen else None)
    try:
        made = Tenant(
            id=name,
            name=name,
            currency=money or "EUR",
            timezone=zone or "UTC",
            created_at=_now(),
        )
    except ValueError as error:
        raise InvalidInputError(
            "--currency is three capital letters (EUR), --timezone an IANA name (Europe/Berlin).",
            field="--currency",
        ) from error
    return made, True


def _check_same(known: Tenant, currency: str | None, timezone: str) -> None:
    if currency is not None and currency != known.currency:
        raise InvalidInputError(
            f"--currency: the file's amounts are {currency}, those of the tenant {known.id} "
            f"{known.currency}. To take them as such all the same: --currency {known.currency}.",
            field="--currency",
        )
    if timezone and timezone != known.timezone:
        raise InvalidInputError(
            f"--timezone: the tenant {known.id} exists and is in {known.timezone}.",
            field="--timezone",
        )


def undo(settings: Settings, import_id: str, tenant: str) -> None:
    """Ends the program with 1 where there is nothing of the import."""
    owner = tenant_id(tenant or importing.tenant_of(import_id))
    _tenants(settings).get(owner)
    table = HistoryTable(settings.history_url, owner)
    with connected(settings) as services:
        removed = importing.undo_import(
            table,
            import_id,
            lambda: services.audit.recorded(owner, operator().subject, "import.undone", import_id),
        )
    # Also where nothing was removed: an undo that was cut short has left the recount to do.
    _rebuild(settings, owner)
    if not removed:
        fail(f"There is nothing of the import {import_id} in the history of {owner}.")
    typer.echo(f"Removed {removed:,} events of the import {import_id} from {owner}.")


def _tenants(settings: Settings) -> TenantStore:
    url = settings.redis_url
    return TenantStore(connect(url), connect_for_writes(url))


def _register(services: Services, tenant: Tenant) -> None:
    if tenant.id in services.accounts.tenants.ids():  # made by another import meanwhile
        return
    services.tenancy.create(
        operator(), tenant.id, currency=tenant.currency, timezone=tenant.timezone
    )


def _rebuild(settings: Settings, tenant: TenantId) -> None:
    client = connect_for_writes(settings.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    deadline = time.monotonic() + _RIVAL_SECONDS
    while True:
        try:
            rebuild_live(client, settings.history_url, tenant, _now)
        except ConflictError:
            # Of another rebuild, or of one that was killed: its pause lapses within a minute.
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)
        else:
            return


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _bar(console: Console) -> Iterator[importing.Watch]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("reading", total=1.0)
        yield lambda step, done: progress.update(
            task, description=step, completed=done, total=1.0 if step == "reading" else None
        )


def _print(console: Console, report: Report, order: importing.Import) -> None:
    counts = Table("rows", "what", "why", title=order.source.path.name)
    counts.columns[0].justify = "right"
    counts.add_row(f"{report.rows_read:,}", "read", "")
    counts.add_row(f"{report.rows_accepted:,}", "accepted", "")
    for reason, rows in report.skipped.items():
        counts.add_row(f"{rows:,}", "skipped", reason)
    for fault, rows in report.rejected.items():
        counts.add_row(f"{rows:,}", "rejected", f"{fault.code} {fault.field}: {fault.message}")
    console.print(counts)
    verb = "would be added" if order.dry_run else "added"
    console.print(
        f"{report.added:,} events {verb}, {report.known:,} were in the history already, "
        f"{report.repeated:,} repeat an id of the file."
    )
    if report.rejected_file and not order.dry_run:
        console.print(f"Rejected rows: {report.rejected_file}", soft_wrap=True)
    if not order.dry_run:
        console.print(f"Import id: {report.import_id}", soft_wrap=True)
