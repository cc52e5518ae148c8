"""What every service is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cip.domain.tenants import Tenant, TenantId
from cip.store.client import Redis
from cip.store.connector import AnalyticsConnector, RecentValues
from cip.store.tenants import TenantStore

TENANT_SECONDS: Final = 2.0


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Resources:
    """`reads` may repeat a command, `writes` never does. `request_id` names the request that is
    being served, for the details of an error. `mask_key` makes the masks of customer ids."""

    reads: Redis
    writes: Redis
    values: RecentValues
    tenant_values: RecentValues
    clock: Callable[[], datetime]
    request_id: Callable[[], str]
    mask_key: bytes

    @property
    def tenants(self) -> TenantStore:
        return TenantStore(self.reads, self.writes)

    def tenant(self, tenant: TenantId) -> Tenant:
        """The tenant's settings, at most two seconds old."""
        return self.tenant_values.get(tenant, lambda: self.tenants.get(tenant))

    def connector(self, tenant: TenantId) -> AnalyticsConnector:
        return AnalyticsConnector(tenant, self.reads, self.values)
