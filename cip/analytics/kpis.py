"""From counted totals to the KPI strip: the same arithmetic for live counters and history."""

from __future__ import annotations

from dataclasses import dataclass

from cip.domain.results import Engagement, Kpi, Kpis, Unit


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted in one window. Money in minor units of the tenant's currency."""

    events: int = 0
    active_customers: int = 0
    active_now: int = 0
    buyers: int = 0
    new_customers: int = 0
    conversations: int = 0
    messages: int = 0
    purchases: int = 0
    purchased_minor: int = 0
    refunded_minor: int = 0

    @property
    def revenue_minor(self) -> int:
        return self.purchased_minor - self.refunded_minor

    @property
    def average_order_minor(self) -> float | None:
        """Purchased amount a purchase; refunds lower the revenue, not the size of an order."""
        return self.purchased_minor / self.purchases if self.purchases else None

    @property
    def conversion_rate(self) -> float | None:
        # An estimate of the buyers may exceed the estimate of the active by its error.
        return min(1.0, self.buyers / self.active_customers) if self.active_customers else None


def change(value: float | None, before: float | None) -> float | None:
    """(value - before) / |before|; None without a baseline."""
    if value is None or not before:
        return None
    return (value - before) / abs(before)


def kpis(
    this: Totals,
    before: Totals | None,
    *,
    engagement: Engagement | None,
    incomplete: bool,
    relative_error: float = 0.0,
) -> Kpis:
    """`relative_error` is the standard error of the distinct counts, 0 for exact ones."""

    def figure(name: str, unit: Unit, *, estimated: bool = False) -> Kpi:
        value = getattr(this, name)
        earlier = getattr(before, name) if before else None
        error = relative_error * value if estimated and value and relative_error else None
        return Kpi(
            value=value,
            before=earlier,
            change=change(value, earlier),
            unit=unit,
            incomplete=incomplete,
            standard_error=error,
        )

    return Kpis(
        events=figure("events", "count"),
        active_customers=figure("active_customers", "count", estimated=True),
        active_now=figure("active_now", "count", estimated=True),
        new_customers=figure("new_customers", "count"),
        conversations=figure("conversations", "count"),
        messages=figure("messages", "count"),
        purchases=figure("purchases", "count"),
        revenue_minor=figure("revenue_minor", "minor"),
        average_order_minor=figure("average_order_minor", "minor"),
        conversion_rate=figure("conversion_rate", "share"),
        engagement_mean=_engagement(engagement, with_before=before is not None),
    )


def _engagement(engagement: Engagement | None, *, with_before: bool) -> Kpi:
    value = engagement.value if engagement else None
    before = engagement.before if engagement and with_before else None
    return Kpi(value=value, before=before, change=change(value, before), unit="score")
