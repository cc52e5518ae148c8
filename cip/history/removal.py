"""The end of a tenant's history."""

from __future__ import annotations

import shutil

from cip.domain.tenants import TenantId
from cip.history.table import HistoryTable


def remove_history(root: str, tenant: TenantId) -> None:
    """Deletes the tenant's folder with everything in it; an import that is under way ends first."""
    table = HistoryTable(root, tenant)
    with table.locked():
        shutil.rmtree(table.folder)
