"""What job workers run: the application of `cip.jobs`, and the tasks that need the ingest side,
which `cip.jobs` does not know."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from celery import Celery

from cip import settings
from cip.auth.keyring import KeyRing
from cip.domain.tenants import TenantId, tenant_id
from cip.ingest.erasing import Place, erase_due
from cip.jobs import app as jobs
from cip.services import Services, make_services
from cip.services.base import utc_now
from cip.settings import Settings
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, Redis, connect_for_writes
from cip.store.queue import ERASE_CUSTOMERS

app: Celery = jobs.app


@app.task(name=ERASE_CUSTOMERS)  # type: ignore[untyped-decorator]
def erase_customers(tenant: str) -> None:
    erase(_settings(), _services(), _client(), tenant_id(tenant))


def erase(chosen: Settings, services: Services, client: Redis, tenant: TenantId) -> bool:
    """False where another process is at it."""
    if tenant not in services.resources.tenants.ids():
        return True
    cached = timedelta(seconds=chosen.cache_ttl_seconds)
    place = Place(client, chosen.history_url, tenant, utc_now, cached)
    return erase_due(place, lambda erasure: services.erasure.concluded(tenant, erasure))


@cache
def _settings() -> Settings:
    return settings.load()


@cache
def _services() -> Services:
    """Connections of this worker child, made after the fork."""
    chosen = _settings()
    keys = KeyRing(chosen.secret_key, chosen.previous_secret_key)
    return make_services(chosen.redis_url, chosen.broker_url, keys)


@cache
def _client() -> Redis:
    return connect_for_writes(_settings().redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
