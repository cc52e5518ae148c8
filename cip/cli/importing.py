"""`cip import`: a file into a tenant's history, or one import out of it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cip.cli.shell import explained, fail, read_settings
from cip.domain.errors import InvalidInputError
from cip.domain.tenants import Tenant, TenantId, tenant_id
from cip.history.table import HistoryTable
from cip.ingest.imports import importing
from cip.ingest.imports.plan import Plan, Wishes, parse_pairs, parse_properties, plain_plan
from cip.ingest.imports.presets import PRESETS, Preset, preset, preset_plan
from cip.ingest.imports.report import Report
from cip.ingest.imports.source import Format, Source
from cip.ingest.imports.sources import open_source
from cip.ingest.rebuild import rebuild_live
from cip.settings import Settings
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, connect_for_writes
from cip.store.tenants import TenantStore

_MAP = "FIELD=COLUMN, once per field: customer_id, occurred_at, type, event_id, amount, …"


def import_(
    file: Annotated[
        Path | None, typer.Argument(help="CSV (also .gz), Parquet, JSON lines.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose history. A new one is made.")] = "",
    map_: Annotated[list[str] | None, typer.Option("--map", help=_MAP)] = None,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property", help="NAME=COLUMN or NAME:integer=COLUMN, also number, boolean."
        ),
    ] = None,
    preset_: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "",
    type_: Annotated[str, typer.Option("--type", help="The type of every event.")] = "",
    channel: Annotated[str, typer.Option(help="The channel of every event.")] = "",
    currency: Annotated[str, typer.Option(help="Of the file's amounts, and of a new tenant.")] = "",
    timezone: Annotated[
        str, typer.Option(help="Of a new tenant; times without zone are in it.")
    ] = "",
    time_format: Annotated[
        str, typer.Option(help="Such as %d/%m/%Y %H:%M; or epoch, epoch_ms. Default: ISO 8601.")
    ] = "",
    delimiter: Annotated[str, typer.Option(help="Of a CSV; found out by default.")] = "",
    encoding: Annotated[str, typer.Option(help="Such as cp1252.")] = "utf-8",
    decimal_comma: Annotated[bool, typer.Option(help="Amounts are written 12,50.")] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rejected rows go. Default: FILE.rejected.csv.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and check all, write nothing.")] = False,
    undo: Annotated[str, typer.Option(metavar="IMPORT_ID", help="Take this import back.")] = "",
) -> None:
    """Import a file of events into a tenant's history; repeating an import adds nothing."""
    settings = read_settings()
    with explained():
        if undo:
            _undo(settings, undo, tenant)
            return
        if file is None or not tenant:
            raise InvalidInputError("Give a FILE and --tenant, or --undo IMPORT_ID.")
        chosen = preset(preset_) if preset_ else None
        wishes = Wishes(
            fields=parse_pairs(map_ or (), "--map"),
            properties=parse_properties(property_ or ()),
            type=type_ or None,
            channel=channel or None,
            time_format=time_format or None,
            decimal_comma=decimal_comma,
        )
        form = Format(encoding, _mark(delimiter), chosen.fixed if chosen else None)
        source = open_source(file, form)
        owner, is_new = _owner(settings, tenant, chosen, currency, timezone)
        order = importing.Import(
            source,
            _plan(chosen, wishes, source, owner.currency),
            owner,
            rejected or file.with_name(f"{file.name}.rejected.csv"),
            dry_run,
        )
        _run(settings, order, is_new=is_new)


def _run(settings: Settings, order: importing.Import, *, is_new: bool) -> None:
    console = Console()
    if is_new:
        verb = "would be made" if order.dry_run else "is new and was made"
        console.print(
            f"The tenant {order.tenant.id} {verb} "
            f"({order.tenant.currency}, {order.tenant.timezone})."
        )
    if is_new and not order.dry_run:
        _register(settings, order.tenant)
    table = HistoryTable(settings.history_url, order.tenant.id)
    with _bar(console) as watch:
        report = importing.run_import(order, table, _now(), watch)
        if not order.dry_run:
            watch("recounting the live figures", 0.0)
            _rebuild(settings, order.tenant.id)
    _print(console, report, order)
    if not report.importable:
        fail("The file holds nothing that can be imported.")


def _plan(chosen: Preset | None, wishes: Wishes, source: Source, currency: str) -> Plan:
    available = list(source.kinds)
    if chosen is None:
        return plain_plan(wishes, available, currency)
    return preset_plan(chosen, wishes, available, currency)


def _owner(
    settings: Settings, name: str, chosen: Preset | None, currency: str, timezone: str
) -> tuple[Tenant, bool]:
    """The tenant, and whether it is still to be made."""
    money = currency or (chosen.currency if chosen else None)
    known = {tenant.id: tenant for tenant in _tenants(settings).all()}.get(tenant_id(name))
    if known is not None:
        _check_same(known, money, timezone)
        return known, False
    zone = timezone or (chosen.timezone if chosen else None)
    try:
        made = Tenant(
            id=tenant_id(name),
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


def _mark(delimiter: str) -> str | None:
    mark = "\t" if delimiter in ("\\t", "tab") else delimiter
    if len(mark) > 1:
        raise InvalidInputError("--delimiter is one character.", field="--delimiter")
    return mark or None


def _undo(settings: Settings, import_id: str, tenant: str) -> None:
    owner = tenant_id(tenant or importing.tenant_of(import_id))
    _tenants(settings).get(owner)
    removed = importing.undo_import(HistoryTable(settings.history_url, owner), import_id)
    # Also where nothing was removed: an undo that was cut short has left the recount to do.
    _rebuild(settings, owner)
    if not removed:
        fail(f"There is nothing of the import {import_id} in the history of {owner}.")
    typer.echo(f"Removed {removed:,} events of the import {import_id} from {owner}.")


def _tenants(settings: Settings) -> TenantStore:
    client = connect_for_writes(settings.redis_url)
    return TenantStore(client, client)


def _register(settings: Settings, tenant: Tenant) -> None:
    _tenants(settings).add(tenant)


def _rebuild(settings: Settings, tenant: TenantId) -> None:
    client = connect_for_writes(settings.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    rebuild_live(client, settings.history_url, tenant, _now)


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
