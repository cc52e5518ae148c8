"""What each figure means, in the words that stand behind its 'i'."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Good = Literal["up", "down", "neither"]


@dataclass(frozen=True, slots=True)
class Definition:
    """`good` says which direction is welcome, so that a change gets its colour."""

    title: str
    text: str
    good: Good = "up"


_HOME: Final = {
    "events": Definition("Events", "Everything customers did, counted once per event id."),
    "active_now": Definition(
        "Active now", "Distinct customers with an event in the last 5 minutes."
    ),
    "active_customers": Definition(
        "Active customers",
        "Distinct customers with an event in the period. Marked ± where it is an estimate "
        "with a standard error.",
    ),
    "new_customers": Definition(
        "New customers", "Customers whose first event ever lies in the period."
    ),
    "revenue_minor": Definition("Revenue", "Purchases minus refunds in the period."),
    "conversion_rate": Definition(
        "Conversion rate",
        "Active customers with a purchase in the period, divided by active customers.",
    ),
    "average_order_minor": Definition(
        "Average order value", "Mean amount of a purchase in the period."
    ),
    "engagement_mean": Definition(
        "Mean engagement",
        "0 to 100, over customers active in the last 28 days: the mean of the share of days "
        "active, how recent the last event is, and the rank by number of event types.",
    ),
}
_SEGMENTS: Final = {
    "customers": Definition("Customers", "Customers with a purchase up to the as-of date."),
    "segments": Definition("Segments", "Segments that hold at least one customer.", good="neither"),
    "revenue": Definition("Revenue", "Total spend of those customers up to the as-of date."),
    "top_share": Definition(
        "Value in top segment",
        "Share of all spend that the segment with the highest spend brings.",
        good="neither",
    ),
}
KPI: Final = MappingProxyType({**_HOME, **_SEGMENTS})
HOME_KPIS: Final = tuple(_HOME)
SEGMENT_KPIS: Final = tuple(_SEGMENTS)

PANEL: Final = MappingProxyType(
    {
        "events-by-type": Definition(
            "Events by type",
            "Events in each bucket of the tenant's time. The five most frequent types have a "
            "layer of their own, all others share one. The dotted end is not over yet.",
        ),
        "channel-mix": Definition(
            "Channel mix", "Events of the period by the channel they came through."
        ),
        "revenue": Definition(
            "Revenue",
            "Purchases minus refunds in each bucket of the tenant's time. A hatched bar is a "
            "bucket that the period does not hold as a whole.",
        ),
        "newest-events": Definition(
            "Newest events", "The last 50 events that arrived, newest first."
        ),
        "rfm-grid": Definition(
            "Recency and frequency",
            "Each customer gets scores from 1 to 5 for days since the last purchase (5 is most "
            "recent), number of purchases and total spend. A cell counts the customers with that "
            "pair of scores.",
        ),
        "all-segments": Definition(
            "Segments",
            "A customer belongs to the first segment whose rule fits its three scores. Means are "
            "over the customers of the segment.",
        ),
    }
)
