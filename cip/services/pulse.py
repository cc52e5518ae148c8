"""Whether anything changed, and how new the newest event is: what a tick asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cip.domain import periods
from cip.domain.events import instant, microseconds
from cip.domain.principals import Principal
from cip.services.base import Resources
from cip.store.client import required
from cip.store.live import MICROSECONDS_PER_MINUTE, LiveCounters


@dataclass(frozen=True, slots=True)
class Status:
    """`as_of` is now, or the newest event of a tenant whose data is a week old or more."""

    tenant_id: str
    tenant_name: str
    timezone: str
    currency: str
    newest_event_at: datetime | None
    as_of: datetime
    source: Literal["live", "demo"]
    demo_tenant: bool


class PulseService:
    """Raises `UnavailableError` when Redis is away: the page keeps what it drew and ages it."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def version(self, principal: Principal) -> str:
        """One lookup. A changed text means that a figure may have changed, be it by an event, a
        published result or the minute."""
        counters = LiveCounters(self._resources.reads, principal.tenant)
        with required():
            generation, changes = counters.version()
        minute = microseconds(self._resources.clock()) // MICROSECONDS_PER_MINUTE
        return f"{generation}.{changes}.{minute}"

    def status(self, principal: Principal) -> Status:
        tenant = self._resources.tenant(principal.tenant)
        counters = LiveCounters(self._resources.reads, principal.tenant)
        with required():
            newest_us = counters.newest_us(counters.generation())
        newest = None if newest_us is None else instant(newest_us)
        return Status(
            tenant_id=tenant.id,
            tenant_name=tenant.name,
            timezone=tenant.timezone,
            currency=tenant.currency,
            newest_event_at=newest,
            as_of=periods.as_of(self._resources.clock(), newest),
            source="live",
            demo_tenant=tenant.demo,
        )
