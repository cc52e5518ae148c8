"""What tests of several folders build: tenants, raw events, a platform of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cip.auth.keyring import KeyRing
from cip.auth.policy import PERMISSIONS
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import Tenant, TenantId, tenant_id
from cip.ingest.consumers import TenantConsumer
from cip.services import Services, make_services
from cip.store.client import connect_for_writes

NOW = datetime(2026, 11, 22, 14, 32, 10, tzinfo=UTC)
KEYS = KeyRing("a secret of the tests, of no use elsewhere: 7Kq2vX")
_NUMBERS = count(1)


def tenant(name: str = "acme", **changes: Any) -> Tenant:
    return Tenant(**{"id": name, "name": name.title(), "created_at": NOW, **changes})


def raw_event(
    *,
    customer: str = "c1",
    kind: str = "page.viewed",
    minutes_ago: float = 1,
    now: datetime = NOW,
    **changes: Any,
) -> dict[str, Any]:
    """An event as a client sends it; a purchase gets an amount of 10.00 EUR."""
    properties = {"amount_minor": 1_000, "currency": "EUR"} if kind.startswith("purchase.") else {}
    return {
        "event_id": f"e{next(_NUMBERS)}",
        "customer_id": customer,
        "type": kind,
        "occurred_at": (now - timedelta(minutes=minutes_ago)).isoformat(),
        "channel": "web",
        "properties": properties,
        **changes,
    }


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Platform:
    """Services and consumers on a real server and a real history, without processes."""

    redis_url: str
    history_root: str
    clock: Callable[[], datetime] = field(default_factory=Clock)

    def __post_init__(self) -> None:
        # Typed loosely: tests look into its answers.
        self.client: Any = connect_for_writes(self.redis_url, timeout_seconds=5)
        self.services: Services = make_services(
            self.redis_url,
            self.redis_url,
            KEYS,
            cache_ttl_seconds=30,
            version_seconds=0,  # a test looks right after it has changed something
            clock=self.clock,
        )

    def add_tenant(self, name: str = "acme", **changes: Any) -> TenantId:
        self.services.accounts.ensure_tenant(tenant(name, **changes))
        return tenant_id(name)

    def consumer(self, name: str = "acme") -> TenantConsumer:
        consumer = TenantConsumer(self.client, self.history_root, tenant_id(name), self.clock)
        consumer.prepare()
        return consumer

    def send(self, *events: dict[str, Any], name: str = "acme") -> None:
        """Accepts the events (all must be good) and lets both groups consume them."""
        answer = self.services.ingestion.accept(tenant_id(name), events)
        assert not answer.rejected, answer.rejected
        consumer = self.consumer(name)
        while consumer.live_step() or consumer.history_step():
            pass

    def principal(self, name: str = "acme", role: Role = Role.ADMIN) -> Principal:
        return Principal("someone", tenant_id(name), role, PERMISSIONS[role])
