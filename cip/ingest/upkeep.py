"""What keeps a tenant's stream and history small: trimming, merging of files, removal of old."""

from __future__ import annotations

import time
from typing import Final

import structlog

from cip import failpoints
from cip.domain.tenants import TenantId
from cip.history.old_files import remove_old
from cip.history.table import HistoryTable
from cip.store.client import Redis
from cip.store.streams import EventStream

COMPACT_ABOVE_FILES: Final = 100
# Old files are kept for an hour by the table's own retention: to look more often is of no use.
CLEAN_SECONDS: Final = 3_600.0
_FIRST_CLEAN_SECONDS: Final = 300.0

log = structlog.get_logger(__name__)


class Upkeep:
    """One round at a time, beside the consumers: whoever of them commits meanwhile is not held up;
    where two commits exclude each other, whoever lost tries again."""

    def __init__(self, client: Redis, history_root: str, tenant: TenantId) -> None:
        self._tenant = tenant
        self._stream = EventStream(client, tenant)
        self._table = HistoryTable(history_root, tenant)
        self._clean_at = time.monotonic() + _FIRST_CLEAN_SECONDS

    def round(self) -> None:
        """Trims what both groups have finished; merges small files; now and then cleans up."""
        failpoints.hit("trim.before")
        self._stream.trim()
        failpoints.hit("trim.after")
        if not self._table.exists():
            return
        if self._table.compact(above_files=COMPACT_ABOVE_FILES):
            log.info("history compacted", tenant=self._tenant)
        if time.monotonic() >= self._clean_at:
            self.clean()

    def clean(self) -> None:
        """Removes files that no version of the last hour needs, orphans too, and old log files."""
        with self._table.exclusive(wait=False) as mine:
            if not mine:  # one thread serves all tenants: the next round tries again
                return
            remove_old(self._table.path)
        self._clean_at = time.monotonic() + CLEAN_SECONDS
