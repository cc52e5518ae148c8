"""`cip key`: make, list and revoke API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from cip.cli.accounts import administration, chosen_tenant, operator, show_table
from cip.cli.shell import say
from cip.domain.errors import NotFoundError
from cip.domain.permissions import Permission
from cip.domain.tenants import TenantId, tenant_id
from cip.services import Services
from cip.services.keys import KeyRow

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    label: Annotated[str, typer.Option(help="What it is for, to know it again.")],
    tenant: Annotated[
        str | None,
        typer.Option(help="The tenant whose data the key opens (default: CIP_DEFAULT_TENANT)."),
    ] = None,
    permission: Annotated[
        list[Permission] | None,
        typer.Option(help="May be given several times. Default: events:write."),
    ] = None,
) -> None:
    """Make a key and show it, once."""
    wanted = frozenset(permission or [Permission.EVENTS_WRITE])
    who = operator(chosen_tenant(tenant))
    with administration() as admin:
        admin.accounts.tenants.get(who.tenant)
        key, text = admin.keys.create(who, label, wanted)
    say(f"Made the key {key.key_id} of {who.tenant}: {', '.join(sorted(wanted))}.")
    say(f"{text}\nIt is not shown again.")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only keys of this tenant.")] = None,
) -> None:
    """List the keys, without their text."""
    with administration() as admin:
        rows = [
            _row(owner, key)
            for owner in _tenants(admin, tenant)
            for key in admin.keys.all(operator(owner))
        ]
    show_table(("key", "tenant", "label", "permissions", "made by", "last used", "state"), rows)


@app.command()
def revoke(key_id: str) -> None:
    """Revoke a key for good."""
    with administration() as admin:
        key = admin.accounts.users.find_key(key_id)
        if key is None:
            raise NotFoundError("There is no such key.", field="key_id")
        admin.keys.revoke(operator(key.tenant), key_id)
    say(f"Revoked the key {key_id}.")


def _tenants(admin: Services, wanted: str | None) -> list[TenantId]:
    tenants = admin.accounts.tenants
    return tenants.ids() if wanted is None else [tenants.get(tenant_id(wanted)).id]


def _row(owner: TenantId, key: KeyRow) -> tuple[str, ...]:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    scopes = ", ".join(key.scopes)
    state = "revoked" if key.revoked else "active"
    return key.key_id, owner, key.label, scopes, key.created_by, used, state
