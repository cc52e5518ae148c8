"""`cip customer`: erase customers, and see what has become of it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Final

import typer

from cip.cli.accounts import administration, connected, operator
from cip.cli.shell import explained, read_settings, say
from cip.domain.erasure import Erasure
from cip.domain.tenants import TenantId, tenant_id
from cip.services import Services
from cip.settings import Settings
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, connect_for_writes, required

app = typer.Typer(help="Erase customers.", no_args_is_help=True)

TenantOption = Annotated[str, typer.Option(help="Whose customer.")]
_RIVAL_SECONDS: Final = 1.0


@app.command()
def erase(
    customer_id: Annotated[str, typer.Argument(help="The customer's id.")],
    tenant: TenantOption,
    wait: Annotated[
        bool, typer.Option("--wait", help="Do it here and now, instead of a job worker.")
    ] = False,
) -> None:
    """Erase a customer: all events up to now, wherever they are. There is no way back."""
    settings = read_settings()
    with explained(), connected(settings) as services:
        who = operator(_known(services, tenant))
        erasure = services.erasure.request(who, customer_id)
        say(f"Erasure {erasure.id}: from now on nothing of the customer up to now is taken.")
        if wait:
            _work(settings, services, who.tenant, erasure.id)
            _show(services.erasure.receipt(who, erasure.id))


@app.command()
def erasures(tenant: TenantOption) -> None:
    """List the erasures, newest first."""
    with administration() as services:
        found = services.erasure.all(operator(_known(services, tenant)))
    for one in found:
        say(f"{one.id}  {one.state:<9}  {_when(one.requested_at)}  {one.requested_by}")
    if not found:
        say("None.")


@app.command()
def receipt(erasure_id: str, tenant: TenantOption) -> None:
    """Show what was done where and when, and what a search of each store found afterwards."""
    with administration() as services:
        _show(services.erasure.receipt(operator(_known(services, tenant)), erasure_id))


@app.command("reapply-erasures")
def reapply_erasures(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
) -> None:
    """After a restore of an older backup: erase again whoever was erased since."""
    settings = read_settings()
    with explained(), connected(settings) as services:
        ids = [_known(services, tenant)] if tenant else services.resources.tenants.ids()
        for one in ids:
            reapply(settings, services, one)


def reapply(settings: Settings, services: Services, tenant: TenantId) -> None:
    """Ends when nothing that was erased is left in force."""
    from cip.ingest.erasing import Place, restore_tombstones

    client = connect_for_writes(settings.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    with required():
        known = restore_tombstones(
            Place(client, settings.history_url, tenant, services.resources.clock)
        )
    if not known:
        say(f"{tenant}: nobody was ever erased.")
        return
    who = operator(tenant)
    erasure = services.erasure.reapply(who)
    _work(settings, services, tenant, erasure.id)
    say(f"{tenant}: {known:,} tombstones applied again.")
    _show(services.erasure.receipt(who, erasure.id))


def _work(settings: Settings, services: Services, tenant: TenantId, erasure_id: str) -> None:
    """Until the erasure is worked off, here or by the worker that came first."""
    from cip.cli.worker import erase as work  # heavy: the history

    client = connect_for_writes(settings.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    who = operator(tenant)
    while services.erasure.receipt(who, erasure_id).state == "requested":
        with required():
            if not work(settings, services, client, tenant):
                time.sleep(_RIVAL_SECONDS)


def _known(services: Services, name: str) -> TenantId:
    return services.resources.tenants.get(tenant_id(name)).id


def _show(erasure: Erasure) -> None:
    say(f"Erasure {erasure.id} of {erasure.customer}: {erasure.state}")
    say(f"requested {_when(erasure.requested_at)} by {erasure.requested_by}")
    say(f"events up to {_when(erasure.until)}")
    for step in erasure.steps:
        what = "" if step.count is None else f" {step.count:,}"
        say(f"  {_when(step.at)} {step.name}{what}{f' ({step.note})' if step.note else ''}")
    for store, found in erasure.found.items():
        say(f"  found afterwards in {store}: {found:,}")
    if erasure.caches_until:
        say(f"processes forget results by {_when(erasure.caches_until)}")
    if erasure.old_files_removed_at:
        say(f"old files removed {_when(erasure.old_files_removed_at)}")
    elif erasure.old_files_until:
        say(f"old files stay until {_when(erasure.old_files_until)}, then a job removes them")


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
