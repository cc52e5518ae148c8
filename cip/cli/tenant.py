"""`cip tenant`: make, change, suspend and delete tenants."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cip.cli.accounts import administration, operator, show_table
from cip.cli.shell import explained, fail, say
from cip.domain.tenants import tenant_id

app = typer.Typer(help="Make, change, suspend and delete tenants.", no_args_is_help=True)

CurrencyOption = Annotated[str | None, typer.Option(help="ISO code; money is counted in it.")]
TimezoneOption = Annotated[str | None, typer.Option(help="IANA name; days and weeks are its.")]


@app.command()
def create(
    tenant: Annotated[str, typer.Argument(help="Its id: lower-case letters, digits, - and _.")],
    title: Annotated[
        str | None, typer.Option(help="Its name for people (default: the id).")
    ] = None,
    currency: Annotated[str, typer.Option(help="ISO code; money is counted in it.")] = "EUR",
    timezone: Annotated[str, typer.Option(help="IANA name; days and weeks are its.")] = "UTC",
) -> None:
    """Make a tenant."""
    with administration() as admin:
        made = admin.tenancy.create(operator(), tenant, title, currency=currency, timezone=timezone)
    say(f"Made the tenant {made.id} ({made.currency}, {made.timezone}).")


@app.command("list")
def list_() -> None:
    """List the tenants."""
    with administration() as admin:
        people = {row.id: row.people for row in admin.tenancy.tenants(operator())}
        found = admin.accounts.tenants.all()
    show_table(
        ("tenant", "name", "currency", "timezone", "people", "made", "state"),
        [
            (
                tenant.id,
                tenant.name,
                tenant.currency,
                tenant.timezone,
                str(people.get(tenant.id, 0)),
                f"{tenant.created_at:%Y-%m-%d}",
                "suspended" if tenant.suspended else "active",
            )
            for tenant in found
        ],
    )


@app.command()
def change(
    tenant: str,
    title: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    currency: CurrencyOption = None,
    timezone: TimezoneOption = None,
    week_start: Annotated[str | None, typer.Option(help="monday or sunday.")] = None,
    retention_days: Annotated[
        int | None, typer.Option(help="How long events are kept; 0: for ever.")
    ] = None,
) -> None:
    """Change a tenant's settings: those that are given."""
    given: dict[str, Any] = {
        "name": title,
        "currency": currency,
        "timezone": timezone,
        "week_start": week_start,
        "retention_days": retention_days,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        fail("give what is to change, see --help.")
    if retention_days == 0:
        fields["retention_days"] = None
    with explained():
        who = operator(tenant_id(tenant))
    with administration() as admin:
        admin.tenancy.change_settings(who, **fields)
    say(f"Changed the tenant {tenant}: {', '.join(fields)}.")


@app.command()
def suspend(tenant: str) -> None:
    """Let nobody in: neither its people nor its API keys. Nothing is lost."""
    with administration() as admin:
        admin.tenancy.suspend(operator(), tenant)
    say(f"Suspended the tenant {tenant}.")


@app.command()
def resume(tenant: str) -> None:
    """End a suspension."""
    with administration() as admin:
        admin.tenancy.resume(operator(), tenant)
    say(f"Resumed the tenant {tenant}.")


@app.command()
def delete(
    tenant: str,
    confirm: Annotated[
        str | None, typer.Option(help="Its id again (asked for where it is not given).")
    ] = None,
) -> None:
    """Delete a suspended tenant for good, with its people, its keys and all its data."""
    again = confirm or typer.prompt(f"All data of {tenant} goes for good. Type its id again")
    with administration() as admin:
        admin.tenancy.delete(operator(), tenant, str(again))
    say(f"Deleted the tenant {tenant}. Its history goes as soon as a job worker runs.")
