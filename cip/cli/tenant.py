"""`cip tenant`: make and list tenants."""

from __future__ import annotations

from typing import Annotated

import typer

from cip.cli.accounts import account_service, show_table
from cip.cli.shell import say

app = typer.Typer(help="Make and list tenants.", no_args_is_help=True)


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
    with account_service() as accounts:
        made = accounts.create_tenant(tenant, title=title, currency=currency, timezone=timezone)
    say(f"Made the tenant {made.id} ({made.currency}, {made.timezone}).")


@app.command("list")
def list_() -> None:
    """List the tenants."""
    with account_service() as accounts:
        found = accounts.tenants.all()
    show_table(
        ("tenant", "name", "currency", "timezone", "made"),
        [
            (
                tenant.id,
                tenant.name,
                tenant.currency,
                tenant.timezone,
                f"{tenant.created_at:%Y-%m-%d}",
            )
            for tenant in found
        ],
    )
