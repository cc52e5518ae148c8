"""The account service of this process, for the commands about tenants, users and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from cip.cli.shell import explained, read_settings
from cip.services.accounts import AccountService
from cip.store.client import connect, connect_for_writes
from cip.store.tenants import TenantStore
from cip.store.users import UserStore


@contextmanager
def account_service() -> Iterator[AccountService]:
    """The service; what it refuses inside the block ends the command with one line."""
    settings = read_settings()
    with explained():
        reads, writes = connect(settings.redis_url), connect_for_writes(settings.redis_url)
        try:
            yield AccountService(TenantStore(reads, writes), UserStore(reads, writes), _now)
        finally:
            reads.close()
            writes.close()


def show_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def _now() -> datetime:
    return datetime.now(UTC)
