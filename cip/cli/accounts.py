"""What the commands about tenants, users and keys are handed, and as whom they act."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from cip.auth.keyring import KeyRing
from cip.auth.policy import PERMISSIONS
from cip.cli.shell import explained, read_settings
from cip.domain.audit import Origin
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.services import Services, make_services
from cip.services.keys import KeyService
from cip.services.people import PeopleService
from cip.services.platform_people import PlatformPeopleService
from cip.services.tenancy import TenancyService
from cip.settings import Settings
from cip.store.queue import JobQueue

NOWHERE: Final = TenantId("")


@dataclass(frozen=True, slots=True)
class Administration:
    """`address`: where browsers find the platform."""

    people: PeopleService
    everyone: PlatformPeopleService
    keys: KeyService
    tenancy: TenancyService
    services: Services
    address: str


@contextmanager
def administration() -> Iterator[Administration]:
    """What these refuse inside the block ends the command with one line."""
    settings = read_settings()
    with explained():
        services = make_services(
            settings.redis_url,
            settings.broker_url,
            KeyRing(settings.secret_key, settings.previous_secret_key),
            origin=lambda: Origin("cli"),
        )
        try:
            yield _administration(settings, services)
        finally:
            services.resources.reads.close()
            services.resources.writes.close()


def operator(tenant: TenantId = NOWHERE) -> Principal:
    """Whoever may run commands on this machine may do everything; the audit log has their name."""
    permissions = PERMISSIONS[Role.SUPER_ADMIN]
    return Principal(f"cli:{_account()}", tenant, Role.SUPER_ADMIN, permissions)


def show_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def _administration(settings: Settings, services: Services) -> Administration:
    accounts, sessions, audit = services.accounts, services.sessions, services.audit
    clock = services.resources.clock
    queue = JobQueue(settings.broker_url)
    return Administration(
        people=PeopleService(accounts, sessions, audit, clock),
        everyone=PlatformPeopleService(accounts, sessions, audit, clock),
        keys=KeyService(accounts, audit, clock),
        tenancy=TenancyService(
            accounts, sessions, audit, services.resources, services.insights, queue
        ),
        services=services,
        address=f"http://{settings.host}:{settings.port}",
    )


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in containers
        return str(os.getuid())
