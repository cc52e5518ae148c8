"""The known events of the browser tests: few enough to check by hand, in every window."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.factories import raw_event

_HOUR = 60.0
_DAY = 24 * _HOUR
# customer, type, minutes ago, channel, minor units
_ROWS = (
    ("ann", "page.viewed", 2, "web", None),
    ("ann", "purchase.completed", 3, "web", 4_990),
    ("ben", "page.viewed", 12, "web", None),
    ("ben", "feature.used", 40, "mobile", None),
    ("cem", "email.opened", 2 * _HOUR, "email", None),
    ("cem", "purchase.completed", 3 * _HOUR, "email", 12_000),
    ("cem", "purchase.refunded", 2.5 * _HOUR, "email", 2_000),
    ("dia", "page.viewed", 20 * _HOUR, "web", None),
    ("ann", "page.viewed", 30 * _HOUR, "web", None),
    ("eva", "page.viewed", 30 * _HOUR, "mobile", None),
    ("eva", "purchase.completed", 31 * _HOUR, "mobile", 5_000),
    ("dia", "page.viewed", 40 * _HOUR, "web", None),
    ("ann", "page.viewed", 5 * _DAY, "web", None),
    ("fay", "page.viewed", 6 * _DAY, "store", None),
)


def events(now: datetime) -> list[dict[str, Any]]:
    """The rows above, and 40 customers whose old purchases make the RFM segments."""
    recent = [
        _event(now, customer, kind, ago, channel, amount)
        for customer, kind, ago, channel, amount in _ROWS
    ]
    old = [
        _event(
            now,
            f"old{number:02}",
            "purchase.completed",
            (60 + (number * 37) % 211 + order * 17) * _DAY,
            "store",
            500 + (number * 7_919) % 9_001,
        )
        for number in range(40)
        for order in range(1 + (number * 5) % 7)
    ]
    return [*old, *recent]  # the feed shows the newest arrivals


def _event(
    now: datetime, customer: str, kind: str, ago: float, channel: str, amount: int | None
) -> dict[str, Any]:
    extra: dict[str, Any] = {"channel": channel}
    if amount is not None:
        extra["properties"] = {"amount_minor": amount, "currency": "EUR"}
    return raw_event(customer=customer, kind=kind, minutes_ago=ago, now=now, **extra)
