"""Writing what was done into the audit logs, and reading them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import structlog

from cip.domain.audit import (
    AuditEntry,
    AuditEvent,
    Origin,
    Outcome,
    Scalar,
    Verification,
)
from cip.domain.audit_chain import Keys
from cip.domain.errors import UnavailableError
from cip.domain.tenants import TenantId
from cip.store.audit import AuditStore

log = structlog.get_logger(__name__)


class AuditService:
    """Every method raises `UnavailableError` when Redis is away: an action whose event cannot be
    written fails. `tenant` None is the platform's own log. `origin` says who is being served."""

    def __init__(
        self,
        store: AuditStore,
        keys: Keys,
        clock: Callable[[], datetime],
        origin: Callable[[], Origin],
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._origin = origin

    def record(
        self,
        tenant: TenantId | None,
        subject: str,
        action: str,
        target: str,
        *,
        outcome: Outcome = "ok",
        before: Mapping[str, Scalar] | None = None,
        after: Mapping[str, Scalar] | None = None,
    ) -> None:
        origin = self._origin()
        event = AuditEvent(
            at=self._clock(),
            source=origin.source,
            subject=subject,
            action=action,
            target=target,
            outcome=outcome,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            address=origin.address,
            request_id=origin.request_id,
        )
        self._store.append(tenant, event, self._keys)

    @contextmanager
    def recorded(
        self,
        tenant: TenantId | None,
        subject: str,
        action: str,
        target: str,
        *,
        before: Mapping[str, Scalar] | None = None,
        after: Mapping[str, Scalar] | None = None,
    ) -> Iterator[None]:
        """Writes the entry, then lets the block act; a second entry says if the block failed.

        In this order nothing can be done without an entry. The block's error goes on its way,
        also where the second entry cannot be written.
        """
        self.record(tenant, subject, action, target, before=before, after=after)
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self._record_failure(tenant, subject, action, target)

    def page(
        self, tenant: TenantId | None, *, before: str | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """At most `limit` entries older than the entry id `before`, newest first."""
        return self._store.page(tenant, before=before, limit=limit)

    def verify(self, tenant: TenantId | None) -> Verification:
        """Checks the whole log."""
        return self._store.verify(tenant, self._keys)

    def _record_failure(
        self, tenant: TenantId | None, subject: str, action: str, target: str
    ) -> None:
        try:
            self.record(tenant, subject, action, target, outcome="failed")
        except UnavailableError:
            log.warning("audit_failure_not_written", tenant=tenant, action=action)


def log_heads(store: AuditStore, tenants: Iterable[TenantId]) -> None:
    """Logs the head of each log, the platform's first: where the log lines are kept elsewhere,
    they show a log that was put back to an earlier state as a whole."""
    for tenant in (None, *tenants):
        head = store.head(tenant)
        log.info("audit_head", tenant=tenant, number=head.number, hash=head.hash)
