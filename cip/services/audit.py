"""Writing what was done into the audit logs, and reading them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Final

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
from cip.domain.errors import CorruptValueError, UnavailableError
from cip.domain.tenants import TenantId
from cip.domain.users import User
from cip.store.audit import AuditStore

log = structlog.get_logger(__name__)
PLATFORM: Final = "platform"


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

    @contextmanager
    def entering(self, user: User, tenant: TenantId) -> Iterator[None]:
        """Around what lets a user into a tenant. A super admin's entry is on record in both logs:
        whose data it is can see who came, the platform where its own people go."""
        name = user.username
        with ExitStack() as logs:
            if user.super_admin:
                logs.enter_context(self.recorded(None, name, "tenant.entered", tenant))
            logs.enter_context(self.recorded(tenant, name, "tenant.entered", tenant))
            yield

    def page(
        self, tenant: TenantId | None, *, before: str | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """At most `limit` entries older than the entry id `before`, newest first."""
        return self._store.page(tenant, before=before, limit=limit)

    def verify(self, tenant: TenantId | None) -> Verification:
        """Checks the whole log."""
        return self._store.verify(tenant, self._keys)

    def tend_heads(self, tenants: Iterable[TenantId]) -> None:
        """Seals each log anew where the secret was exchanged since its last entry, and logs its
        head, the platform's first: where the log lines are kept elsewhere, they show a log that
        was put back to an earlier state as a whole."""
        for tenant in (None, *tenants):
            try:
                self._tend_head(tenant)
            except CorruptValueError:  # the other logs must not go without for it
                log.exception("audit_head_unreadable", tenant=tenant)

    def _tend_head(self, tenant: TenantId | None) -> None:
        if self._store.outdated(tenant, self._keys):
            self.record(tenant, PLATFORM, "audit.resealed", tenant or PLATFORM)
        head = self._store.head(tenant)
        log.info("audit_head", tenant=tenant, number=head.number, hash=head.hash)

    def _record_failure(
        self, tenant: TenantId | None, subject: str, action: str, target: str
    ) -> None:
        try:
            self.record(tenant, subject, action, target, outcome="failed")
        except UnavailableError:
            log.warning("audit_failure_not_written", tenant=tenant, action=action)
