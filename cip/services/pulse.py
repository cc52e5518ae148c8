"""Whether anything changed, and how new the newest event is: what a tick asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from cip.domain import periods
from cip.domain.events import instant, microseconds
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.services.base import Resources
from cip.store.client import required
from cip.store.live import LiveCounters
from cip.store.live_shape import MICROSECONDS_PER_MINUTE

# How old the version may be that a worker tells: ticks of many viewers share one lookup.
VERSION_SECONDS: Final = 1.0
_LONGEST_VERSION: Final = 64
_VERSION_PARTS: Final = 3  # generation, changes, minute


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

    def __init__(self, resources: Resources, version_seconds: float = VERSION_SECONDS) -> None:
        self._resources = resources
        self._version_seconds = version_seconds
        self._versions: dict[TenantId, tuple[float, str]] = {}

    def version(self, principal: Principal) -> str:
        """A second old at most; one lookup. A changed text means that a figure may
        have changed, be it by an event, a published result or the minute."""
        until, version = self._versions.get(principal.tenant, (0.0, ""))
        return version if time.monotonic() < until else self._newest(principal.tenant)

    def version_since(self, principal: Principal, told: object) -> str:
        """A version no older than `told`, which another worker may have told this page."""
        version = self.version(principal)
        wanted = version_order(told)
        if wanted is None or wanted <= (version_order(version) or ()):
            return version
        return self._newest(principal.tenant, wanted)

    def _newest_us(self, tenant: TenantId) -> int | None:
        counters = LiveCounters(self._resources.reads, tenant)
        with required():
            return counters.newest_us(counters.generation())

    def _newest(self, tenant: TenantId, wanted: tuple[int, ...] = ()) -> str:
        """Looks the version up. Should that be past `wanted`, it goes by that name until the next
        look, so that two workers do not drive each other on from event to event."""
        counters = LiveCounters(self._resources.reads, tenant)
        # By the machine's clock, so that its workers look, and compute, for the same versions.
        step = self._version_seconds
        until = (time.monotonic() // step + 1) * step if step else 0.0
        with required():
            generation, changes = counters.version()
        minute = microseconds(self._resources.clock()) // MICROSECONDS_PER_MINUTE
        found = (generation, changes, minute)
        version = ".".join(map(str, wanted if () < wanted <= found else found))
        self._versions[tenant] = (until, version)
        return version

    def status(self, principal: Principal) -> Status:
        tenant = self._resources.tenant(principal.tenant)
        key = (principal.tenant, "newest_us", self.version(principal))
        newest_us = self._resources.values.get(key, lambda: self._newest_us(tenant.id))
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


def version_order(version: object) -> tuple[int, ...] | None:
    """Versions in the order in which they come; None for what is none."""
    if not isinstance(version, str) or len(version) > _LONGEST_VERSION:
        return None
    parts = version.split(".")
    if len(parts) != _VERSION_PARTS or not all(part.isdecimal() for part in parts):
        return None
    return tuple(map(int, parts))
