"""`cip audit`: check and read the audit logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from cip.auth.keyring import KeyRing
from cip.cli.accounts import chosen_tenant, show_table
from cip.cli.shell import EXIT_FAILED, EXIT_USAGE, explained, fail, read_settings, say
from cip.domain.audit import AuditEntry, Origin, Verification
from cip.domain.tenants import TenantId, tenant_id
from cip.services.audit import AuditService
from cip.store.audit import MAX_PAGE, AuditStore
from cip.store.client import connect, connect_for_writes
from cip.store.tenants import TenantStore

app = typer.Typer(help="Check and read the audit logs.", no_args_is_help=True)

TenantOption = Annotated[str | None, typer.Option(help="The log of this tenant.")]
PlatformOption = Annotated[bool, typer.Option("--platform", help="The platform's own log.")]


@app.command()
def verify(tenant: TenantOption = None, platform: PlatformOption = False) -> None:
    """Check the chain of one log, or of all. Status 1 where one is broken."""
    if tenant is not None and platform:
        fail("give --tenant or --platform, not both.", EXIT_USAGE)
    broken = False
    with _audit() as (audit, tenants):
        for log in _logs(tenants, tenant, platform):
            found = audit.verify(log)
            broken = broken or found.problem is not None
            say(f"{_title(log)}: {_verdict(found)}")
    if broken:
        raise typer.Exit(EXIT_FAILED)


@app.command("list")
def list_(
    tenant: TenantOption = None,
    platform: PlatformOption = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE, help="How many entries.")] = 50,
) -> None:
    """List the newest entries of one log (default: that of CIP_DEFAULT_TENANT)."""
    if tenant is not None and platform:
        fail("give --tenant or --platform, not both.", EXIT_USAGE)
    wanted = None if platform else chosen_tenant(tenant)
    with _audit() as (audit, tenants):
        (log,) = _logs(tenants, wanted, platform)
        entries = audit.page(log, limit=limit)
    show_table(
        ("number", "at", "subject", "action", "target", "outcome", "from"), list(map(_row, entries))
    )


@contextmanager
def _audit() -> Iterator[tuple[AuditService, TenantStore]]:
    settings = read_settings()
    with explained():
        reads, writes = connect(settings.redis_url), connect_for_writes(settings.redis_url)
        keys = KeyRing(settings.secret_key, settings.previous_secret_key)
        try:
            store = AuditStore(reads, writes)
            yield (
                AuditService(store, keys, lambda: datetime.now(UTC), lambda: Origin("cli")),
                TenantStore(reads, writes),
            )
        finally:
            reads.close()
            writes.close()


def _logs(tenants: TenantStore, tenant: str | None, platform: bool) -> list[TenantId | None]:
    if platform:
        return [None]
    if tenant is not None:
        return [tenants.get(tenant_id(tenant)).id]
    return [None, *tenants.ids()]


def _title(log: TenantId | None) -> str:
    return "the platform's log" if log is None else f"tenant {log}"


def _verdict(found: Verification) -> str:
    if found.problem is None:
        return f"{found.entries} entries, head {found.head or 'none'}, holds"
    return f"BROKEN after {found.entries} entries, at {found.at}: {found.problem}"


def _row(entry: AuditEntry) -> tuple[str, ...]:
    event = entry.event
    return (
        str(entry.number),
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event.subject,
        event.action,
        event.target,
        event.outcome,
        " ".join(filter(None, (event.source, event.address))),
    )
