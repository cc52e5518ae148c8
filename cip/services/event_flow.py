"""How events flow: what System health shows of a tenant's, and monitoring of everybody's."""

from __future__ import annotations

from dataclasses import dataclass

from cip.domain.event_flow import EventFlow
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.store import event_flow
from cip.store.client import Redis, required
from cip.store.processes import Processes
from cip.store.tenants import TenantStore


@dataclass(frozen=True, slots=True)
class PlatformFlow:
    """`ingest_processes`: how many said just now that they live."""

    tenants: dict[TenantId, EventFlow]
    ingest_processes: int


class EventFlowService:
    """Raises `UnavailableError` when Redis is away: no figure is better than a wrong one."""

    def __init__(self, reads: Redis, tenants: TenantStore) -> None:
        self._reads = reads
        self._tenants = tenants

    def of(self, principal: Principal) -> EventFlow:
        principal.require(Permission.DEAD_LETTERS_MANAGE)
        return event_flow.read(self._reads, principal.tenant)

    def everyones(self) -> PlatformFlow:
        """For monitoring, which no user asks for: its route has a lock of its own."""
        with required():
            processes = Processes(self._reads, "ingest").count()
        flows = {tenant: event_flow.read(self._reads, tenant) for tenant in self._tenants.ids()}
        return PlatformFlow(flows, processes)
