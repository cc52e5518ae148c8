"""Use cases of the web, the CLI and the API. Light: no scientific library is imported here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cip.services.accounts import AccountService
from cip.services.base import TENANT_SECONDS, Resources, utc_now
from cip.services.exports import ExportService
from cip.services.feed import FeedService
from cip.services.ingestion import IngestionService
from cip.services.insights import InsightService
from cip.services.pulse import VERSION_SECONDS, PulseService
from cip.services.views import ViewService
from cip.store.client import connect, connect_for_writes
from cip.store.connector import RecentValues
from cip.store.queue import JobQueue
from cip.store.users import UserStore

__all__ = ["Services", "make_services"]


@dataclass(frozen=True, slots=True)
class Services:
    """What callbacks and routes are handed; the tenant always comes from a principal."""

    resources: Resources
    accounts: AccountService
    ingestion: IngestionService
    insights: InsightService
    pulse: PulseService
    feed: FeedService
    exports: ExportService
    views: ViewService


def make_services(
    redis_url: str,
    broker_url: str,
    *,
    cache_ttl_seconds: float = 30,
    version_seconds: float = VERSION_SECONDS,
    clock: Callable[[], datetime] = utc_now,
    request_id: Callable[[], str] = lambda: "",
    mask_secret: str = "",
) -> Services:
    """Connects lazily: no command is sent before the first use."""
    reads, writes = connect(redis_url), connect_for_writes(redis_url)
    resources = Resources(
        reads=reads,
        writes=writes,
        values=RecentValues(cache_ttl_seconds),
        tenant_values=RecentValues(TENANT_SECONDS),
        clock=clock,
        request_id=request_id,
        mask_key=hashlib.blake2b(b"mask\n" + mask_secret.encode(), digest_size=32).digest(),
    )
    insights = InsightService(resources, JobQueue(broker_url))
    pulse = PulseService(resources, version_seconds)
    return Services(
        resources=resources,
        accounts=AccountService(resources.tenants, UserStore(reads, writes), clock),
        ingestion=IngestionService(writes, resources.tenants, clock),
        insights=insights,
        pulse=pulse,
        feed=FeedService(resources),
        exports=ExportService(insights),
        views=ViewService(resources, pulse),
    )
