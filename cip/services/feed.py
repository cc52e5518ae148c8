"""The newest events, as one line each."""

from __future__ import annotations

import hashlib

from cip.domain.events import MESSAGE, PURCHASE, REFUND, STAGE, Event, instant
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.results import FeedEvent
from cip.services.base import Resources
from cip.store.client import required
from cip.store.streams import EventStream, PoisonError, decode

MAX_LINES = 200
_TEXTS = ("page", "path", "feature", "campaign", "action")


class FeedService:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def newest(self, principal: Principal, limit: int = 50) -> tuple[FeedEvent, ...]:
        """Newest first. Customers are masked without `customers:read`. Raises
        `UnavailableError` when Redis is away."""
        principal.require(Permission.ANALYTICS_VIEW)
        stream = EventStream(self._resources.reads, principal.tenant)
        with required():
            entries = stream.newest(min(limit, MAX_LINES))
        named = Permission.CUSTOMERS_READ in principal.permissions
        lines = []
        for entry in entries:
            try:
                event = decode(entry.payload)
            except PoisonError:
                continue  # the dead letters have it
            lines.append(
                FeedEvent(
                    stream_id=entry.stream_id,
                    occurred_at=instant(event.occurred_at_us),
                    type=event.type,
                    customer_id=event.customer_id if named else self._mask(principal.tenant, event),
                    channel=event.channel,
                    detail=_detail(event),
                )
            )
        return tuple(lines)

    def _mask(self, tenant: str, event: Event) -> str:
        """The same customer shows the same mask. Keyed, so that nobody finds the id by trying."""
        text = f"{tenant}\n{event.customer_id}".encode()
        return f"#{hashlib.blake2b(text, digest_size=6, key=self._resources.mask_key).hexdigest()}"


def _detail(event: Event) -> str:
    """What the event says, without anything personal: amounts, stages, pages, senders."""
    if event.type in (PURCHASE, REFUND):
        return str(event.amount_minor or 0)
    if event.type == STAGE:
        return event.text("stage") or ""
    if event.type == MESSAGE:
        return f"from {event.text('sender') or 'someone'}"
    return next((text for name in _TEXTS if (text := event.text(name))), "")[:80]
