"""The demo tenants: who they are, and the laws planted in each."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cip.demo.laws import (
    BrowsingLaw,
    ConversationLaw,
    Delay,
    Mix,
    PurchaseLaw,
    RhythmLaw,
    SpendLaw,
    StageLaw,
)
from cip.domain.tenants import Tenant, TenantId


@dataclass(frozen=True, slots=True)
class DemoSpec:
    """A synthetic tenant: `customers` arrive over the `days` before the seed's end.

    Arrivals per day grow by the factor `growth` over that span and stay level afterwards.
    `home_mix` is the share of customers by the channel they browse with, `purchase_mix` that of
    purchases by channel.
    """

    tenant: TenantId
    name: str
    currency: str
    timezone: str
    customer_prefix: str
    countries: tuple[str, ...]
    customers: int
    days: int
    seed: int
    growth: float
    purchases: PurchaseLaw
    spend: SpendLaw
    stages: StageLaw
    conversations: ConversationLaw
    browsing: BrowsingLaw
    rhythm: RhythmLaw
    home_mix: Mix
    purchase_mix: Mix
    refunded: float
    refund_delay: Delay

    def as_tenant(self, created_at: datetime) -> Tenant:
        return Tenant(
            id=self.tenant,
            name=self.name,
            timezone=self.timezone,
            currency=self.currency,
            demo=True,
            created_at=created_at,
        )

    @property
    def entropy(self) -> tuple[int, int]:
        """What all of this tenant's randomness is keyed by."""
        return self.seed, zlib.crc32(self.tenant.encode())


_MINUTE: Final = 60.0
_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0

_SHOP_HOURS: Final = (
    *(0.45, 0.32, 0.26, 0.24, 0.24, 0.28, 0.42, 0.70, 0.95, 1.10, 1.20, 1.25),
    *(1.35, 1.30, 1.20, 1.15, 1.20, 1.35, 1.60, 1.85, 2.00, 1.80, 1.30, 0.75),
)  # fmt: skip
_OFFICE_HOURS: Final = (
    *(0.22, 0.20, 0.20, 0.20, 0.22, 0.30, 0.55, 1.10, 1.95, 2.30, 2.35, 2.10),
    *(1.50, 2.00, 2.20, 2.10, 1.75, 1.15, 0.70, 0.50, 0.42, 0.36, 0.30, 0.25),
)  # fmt: skip

DEMO_TENANT: Final = DemoSpec(
    tenant=TenantId("demo_tenant"),
    name="Demo shop",
    currency="EUR",
    timezone="Europe/Berlin",
    customer_prefix="demo",
    countries=("DE", "AT", "CH", "NL", "FR"),
    customers=5_000,
    days=180,
    seed=7,
    growth=1.8,
    purchases=PurchaseLaw(r=0.55, alpha=3.6, a=0.75, b=3.0),
    spend=SpendLaw(p=6.25, q=3.74, v_minor=2_800.0),
    stages=StageLaw(
        start=(0.72, 0.18, 0.10, 0.0, 0.0, 0.0, 0.0, 0.0),
        moves=(
            (0.00, 0.70, 0.10, 0.00, 0.00, 0.00, 0.00, 0.00),
            (0.05, 0.00, 0.66, 0.10, 0.00, 0.00, 0.00, 0.00),
            (0.00, 0.07, 0.00, 0.60, 0.13, 0.00, 0.00, 0.00),
            (0.00, 0.00, 0.08, 0.00, 0.72, 0.00, 0.00, 0.00),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.85, 0.00, 0.00),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.70, 0.00),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.06, 0.00, 0.34),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.05, 0.00),
        ),
        median_days=(1.5, 2.5, 3.0, 4.0, 1.0, 7.0, 21.0, 30.0),
        sigma=0.8,
    ),
    conversations=ConversationLaw(
        per_week=0.07,
        channels=(("chat", 0.6), ("email", 0.3), ("mobile", 0.1)),
        first_response=(
            ("chat", Delay(6 * _MINUTE, 1.0)),
            ("email", Delay(4 * _HOUR, 1.1)),
            ("mobile", Delay(20 * _MINUTE, 1.0)),
        ),
        follow_up=Delay(8 * _MINUTE, 1.2),
        reply=Delay(5 * _MINUTE, 1.0),
        resolution=Delay(25 * _MINUTE, 1.3),
        reopening=Delay(22 * _HOUR, 0.8),
        rating_delay=Delay(40 * _MINUTE, 1.2),
        bot=0.45,
        answered=0.95,
        another_turn=0.55,
        resolved=0.90,
        reopened=0.08,
        rated=0.38,
        rating_quick=(0.03, 0.04, 0.10, 0.31, 0.52),
        rating_slow=(0.14, 0.14, 0.22, 0.28, 0.22),
        agents=12,
    ),
    browsing=BrowsingLaw(
        sessions_per_week=3.0,
        kept_events=3.2,
        detail_events=32.0,
        detail_days=21.0,
        gap_seconds=22.0,
        longest_silence_seconds=6.0,
        emails_per_week=0.5,
        email_opened=0.36,
        email_clicked=0.22,
    ),
    rhythm=RhythmLaw(hours=_SHOP_HOURS, weekdays=(1.0, 0.95, 0.95, 1.0, 1.1, 1.25, 1.2)),
    home_mix=(("web", 0.46), ("mobile", 0.54)),
    purchase_mix=(("web", 0.42), ("mobile", 0.36), ("store", 0.18), ("api", 0.04)),
    refunded=0.04,
    refund_delay=Delay(6 * _DAY, 0.6, longest_seconds=28 * _DAY),
)

ENTERPRISE: Final = DemoSpec(
    tenant=TenantId("enterprise"),
    name="Enterprise supplies",
    currency="USD",
    timezone="America/New_York",
    customer_prefix="ent",
    countries=("US", "CA", "MX"),
    customers=900,
    days=180,
    seed=11,
    growth=1.2,
    purchases=PurchaseLaw(r=1.6, alpha=6.0, a=0.5, b=4.5),
    spend=SpendLaw(p=3.2, q=4.8, v_minor=52_000.0),
    stages=StageLaw(
        start=(0.55, 0.30, 0.15, 0.0, 0.0, 0.0, 0.0, 0.0),
        moves=(
            (0.00, 0.78, 0.06, 0.00, 0.00, 0.00, 0.00, 0.00),
            (0.03, 0.00, 0.76, 0.06, 0.00, 0.00, 0.00, 0.00),
            (0.00, 0.10, 0.00, 0.70, 0.04, 0.00, 0.00, 0.00),
            (0.00, 0.00, 0.15, 0.00, 0.66, 0.00, 0.00, 0.00),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.95, 0.00, 0.00),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.82, 0.00),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.10, 0.00, 0.22),
            (0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.04, 0.00),
        ),
        median_days=(4.0, 6.0, 9.0, 12.0, 3.0, 18.0, 40.0, 60.0),
        sigma=0.6,
    ),
    conversations=ConversationLaw(
        per_week=0.16,
        channels=(("email", 0.7), ("chat", 0.2), ("api", 0.1)),
        first_response=(
            ("email", Delay(2 * _HOUR, 0.9)),
            ("chat", Delay(3 * _MINUTE, 0.8)),
            ("api", Delay(45 * _MINUTE, 0.9)),
        ),
        follow_up=Delay(35 * _MINUTE, 1.2),
        reply=Delay(25 * _MINUTE, 1.0),
        resolution=Delay(3 * _HOUR, 1.2),
        reopening=Delay(30 * _HOUR, 0.6),
        rating_delay=Delay(5 * _HOUR, 1.0),
        bot=0.15,
        answered=0.985,
        another_turn=0.65,
        resolved=0.94,
        reopened=0.12,
        rated=0.22,
        rating_quick=(0.02, 0.03, 0.08, 0.37, 0.50),
        rating_slow=(0.08, 0.12, 0.25, 0.35, 0.20),
        agents=5,
    ),
    browsing=BrowsingLaw(
        sessions_per_week=4.0,
        kept_events=3.0,
        detail_events=18.0,
        detail_days=21.0,
        gap_seconds=35.0,
        longest_silence_seconds=20.0,
        emails_per_week=0.3,
        email_opened=0.48,
        email_clicked=0.30,
    ),
    rhythm=RhythmLaw(hours=_OFFICE_HOURS, weekdays=(1.25, 1.35, 1.35, 1.3, 1.1, 0.35, 0.3)),
    home_mix=(("web", 0.80), ("mobile", 0.14), ("api", 0.06)),
    purchase_mix=(("web", 0.50), ("api", 0.35), ("email", 0.10), ("store", 0.05)),
    refunded=0.02,
    refund_delay=Delay(9 * _DAY, 0.5, longest_seconds=28 * _DAY),
)

DEMO_SPECS: Final = (DEMO_TENANT, ENTERPRISE)
