"""Erasing a customer: the request, from which on nothing of the customer is taken, and receipts."""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from cip import failpoints
from cip.domain.erasure import EVERYBODY, Erasure, check_customer_id
from cip.domain.errors import UnavailableError
from cip.domain.events import microseconds
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.services.audit import PLATFORM, AuditService
from cip.services.base import Resources
from cip.store.client import required
from cip.store.erasures import Erasures
from cip.store.queue import ERASE_CUSTOMERS, JobQueue
from cip.store.tombstones import Tombstones

_ID_BYTES: Final = 12
_ACTIONS: Final = {"erased": "customer.erased", "completed": "customer.old_files_removed"}
log = structlog.get_logger(__name__)


class ErasureService:
    """Raises `UnavailableError` when Redis is away, `ForbiddenError` without `customers:erase`."""

    def __init__(self, resources: Resources, audit: AuditService, queue: JobQueue) -> None:
        self._resources = resources
        self._audit = audit
        self._queue = queue

    def request(self, principal: Principal, customer_id: str) -> Erasure:
        """From its return on, no event of the customer up to now is taken, and a job erases what
        is there. It does not matter whether there is such a customer. May be repeated."""
        principal.require(Permission.CUSTOMERS_ERASE)
        check_customer_id(customer_id)
        tombstones = Tombstones(self._resources.writes, principal.tenant)
        with required():
            name = tombstones.name_of(customer_id)
        now = self._resources.clock()
        erasure = Erasure(
            id=secrets.token_hex(_ID_BYTES),
            customer=name,
            requested_at=now,
            requested_by=principal.subject,
            until=now,
        )
        with self._audit.recorded(
            principal.tenant,
            principal.subject,
            "customer.erase_requested",
            f"#{name}",
            after={"erasure": erasure.id},
        ):
            with required():
                tombstones.write(
                    {name: microseconds(now)}, record=(erasure.id, erasure.model_dump_json())
                )
            failpoints.hit("erase.after_tombstone")
        self.start(principal.tenant)
        return erasure

    def receipt(self, principal: Principal, erasure_id: str) -> Erasure:
        """Raises `NotFoundError`, also for another tenant's."""
        principal.require(Permission.CUSTOMERS_ERASE)
        with required():
            return Erasures(self._resources.reads, principal.tenant).get(erasure_id)

    def all(self, principal: Principal) -> list[Erasure]:
        """Newest first."""
        principal.require(Permission.CUSTOMERS_ERASE)
        with required():
            return Erasures(self._resources.reads, principal.tenant).all()

    def reapply(self, principal: Principal) -> Erasure:
        """After a restore: everybody who has a tombstone is erased again, as one erasure."""
        principal.require(Permission.CUSTOMERS_ERASE)
        now = self._resources.clock()
        erasure = Erasure(
            id=secrets.token_hex(_ID_BYTES),
            customer=EVERYBODY,
            requested_at=now,
            requested_by=principal.subject,
            until=now,
        )
        with (
            self._audit.recorded(
                principal.tenant, principal.subject, "customer.erased_again", erasure.id
            ),
            required(),
        ):
            Erasures(self._resources.writes, principal.tenant).save(erasure)
        self.start(principal.tenant)
        return erasure

    def concluded(self, tenant: TenantId, erasure: Erasure) -> None:
        """Puts on record that an erasure has come to its state."""
        self._audit.record(
            tenant,
            PLATFORM,
            _ACTIONS[erasure.state],
            f"#{erasure.customer}",
            after={"erasure": erasure.id},
        )

    def start(self, tenant: TenantId) -> None:
        """Without an answer of the queue the schedule starts it, within a minute."""
        try:
            self._queue.enqueue(ERASE_CUSTOMERS, [tenant], "heavy")
        except UnavailableError:
            log.warning("erasure waits for the schedule", tenant=tenant)
