"""`cip key`: make, list and revoke API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from cip.cli.accounts import account_service, show_table
from cip.cli.shell import explained, say
from cip.domain.permissions import Permission
from cip.domain.tenants import tenant_id

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="The tenant whose data the key opens.")],
    label: Annotated[str, typer.Option(help="What it is for, to know it again.")],
    permission: Annotated[
        list[Permission] | None,
        typer.Option(help="May be given several times. Default: events:write."),
    ] = None,
) -> None:
    """Make a key and show it, once."""
    wanted = frozenset(permission or [Permission.EVENTS_WRITE])
    with explained():
        owner = tenant_id(tenant)
    with account_service() as accounts:
        key, text = accounts.create_key(owner, label, wanted)
    say(f"Made the key {key.key_id} of {owner}: {', '.join(sorted(wanted))}.")
    say(f"{text}\nIt is not shown again.")


@app.command("list")
def list_() -> None:
    """List the keys, without their text."""
    with account_service() as accounts:
        found = accounts.users.all_keys()
    show_table(
        ("key", "tenant", "label", "permissions", "state"),
        [
            (
                key.key_id,
                key.tenant,
                key.label,
                ", ".join(sorted(key.permissions)),
                "revoked" if key.revoked else "active",
            )
            for key in found
        ],
    )


@app.command()
def revoke(key_id: str) -> None:
    """Revoke a key for good."""
    with account_service() as accounts:
        accounts.revoke_key(key_id)
    say(f"Revoked the key {key_id}.")
