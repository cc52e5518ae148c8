"""What the commands about tenants, users and keys are handed, and as whom they act."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.table import Table

from cip.auth.keyring import KeyRing
from cip.auth.policy import PERMISSIONS
from cip.cli.shell import explained, read_settings
from cip.domain.audit import Origin
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId, tenant_id
from cip.services import Services, make_services
from cip.settings import Settings

NOWHERE: Final = TenantId("")


@contextmanager
def administration() -> Iterator[Services]:
    """What these refuse inside the block ends the command with one line."""
    settings = read_settings()
    with explained(), connected(settings) as services:
        yield services


@contextmanager
def connected(settings: Settings) -> Iterator[Services]:
    """The services as a command has them: what they log comes from `cli`."""
    services = make_services(
        settings.redis_url,
        settings.broker_url,
        KeyRing(settings.secret_key, settings.previous_secret_key),
        origin=lambda: Origin("cli"),
    )
    try:
        yield services
    finally:
        services.resources.reads.close()
        services.resources.writes.close()


def operator(tenant: TenantId = NOWHERE) -> Principal:
    """Whoever may run commands on this machine may do everything; the audit log has their name."""
    permissions = PERMISSIONS[Role.SUPER_ADMIN]
    return Principal(f"cli:{_account()}", tenant, Role.SUPER_ADMIN, permissions)


def chosen_tenant(name: str | None) -> TenantId:
    """The tenant that a command names, or else `CIP_DEFAULT_TENANT`."""
    with explained():
        return read_settings().default_tenant if name is None else tenant_id(name)


def show_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in containers
        return str(os.getuid())
