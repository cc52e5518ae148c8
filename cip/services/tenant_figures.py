"""What administrators see of a tenant in figures: its use, and the tenants side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cip.domain.events import instant
from cip.domain.principals import Principal
from cip.domain.queries import KpisQuery, Period, TimeseriesQuery
from cip.domain.results import Kpis, Timeseries
from cip.domain.tenants import Tenant, TenantId
from cip.services.base import Resources
from cip.services.insights import InsightService
from cip.store import keys
from cip.store.client import required
from cip.store.live import LiveCounters

_WEEK: Final = TimeseriesQuery(metric="events", bucket="day", period=Period(last="7d"))
_MONTH: Final = KpisQuery(period=Period(last="30d"), compare="none")


@dataclass(frozen=True, slots=True)
class EventsOfDay:
    start: datetime
    events: int


@dataclass(frozen=True, slots=True)
class Use:
    """`events_in_stream`: what the stream still holds. `per_day`: of the last seven days, None
    while it is being computed."""

    events_in_stream: int
    per_day: tuple[EventsOfDay, ...] | None
    newest_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """The last 30 days. None: still being computed. `errors`: dead letters."""

    tenant: TenantId
    name: str
    suspended: bool
    currency: str
    customers: int | None
    revenue_minor: int | None
    events: int | None
    errors: int


class FiguresOfTenants:
    """Raises `UnavailableError` when Redis is away. Whoever calls has checked the permission."""

    def __init__(self, resources: Resources, insights: InsightService) -> None:
        self._resources = resources
        self._insights = insights

    def use(self, who: Principal) -> Use:
        counters = LiveCounters(self._resources.reads, who.tenant)
        with required():
            newest_us = counters.newest_us(counters.generation())
            held = self._length(keys.events(who.tenant))
        newest = None if newest_us is None else instant(newest_us)
        return Use(held, self._per_day(who), newest)

    def of(self, who: Principal, tenant: Tenant) -> TenantFigures:
        """Asked as somebody of that tenant: nothing else reaches another tenant's figures."""
        outcome = self._insights.ask(replace(who, tenant=tenant.id), "kpis", _MONTH)
        found = outcome.result.data if outcome.result else None
        kpis = found if isinstance(found, Kpis) else None
        nothing = 0 if outcome.state == "empty" else None
        with required():
            errors = self._length(keys.dead_letters(tenant.id))
        return TenantFigures(
            tenant=tenant.id,
            name=tenant.name,
            suspended=tenant.suspended,
            currency=tenant.currency,
            customers=_whole(kpis.active_customers.value) if kpis else nothing,
            revenue_minor=_whole(kpis.revenue_minor.value) if kpis else nothing,
            events=_whole(kpis.events.value) if kpis else nothing,
            errors=errors,
        )

    def _per_day(self, who: Principal) -> tuple[EventsOfDay, ...] | None:
        outcome = self._insights.ask(who, "timeseries", _WEEK)
        if outcome.state == "empty":
            return ()
        found = outcome.result.data if outcome.result else None
        if not isinstance(found, Timeseries):
            return None
        return tuple(EventsOfDay(point.start, int(point.value)) for point in found.points)

    def _length(self, stream: str) -> int:
        return int(self._resources.reads.xlen(stream))


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
