"""Published results: cached by query, with a lease so that one computation runs at a time."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from cip.domain.queries import Query
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.leases import Lease

KEEP_SECONDS: Final = 7 * 24 * 3600
KEEP_FAILURE_SECONDS: Final = 30
# From the request to the worker's first heartbeat, and from one heartbeat to the next.
QUEUED_MS: Final = 60_000
RUNNING_MS: Final = 30_000


def digest(slug: str, query: Query, generation: int) -> str:
    """Names a result: the same question of the same generation of data."""
    text = f"{slug}\n{generation}\n".encode() + orjson.dumps(
        query.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS
    )
    return hashlib.blake2b(text, digest_size=16).hexdigest()


class ResultStore:
    """Raises redis-py's errors. A stored value is `{"envelope", "data"}`, or `{"failure"}`."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self.tenant = tenant

    def get(self, slug: str, name: str) -> bytes | None:
        value: bytes | None = self._client.get(keys.insight(self.tenant, slug, name))  # type: ignore[assignment]
        return value

    def publish(self, slug: str, name: str, text: bytes) -> None:
        """Stores a result and moves the version on, so that pages look again."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.set(keys.insight(self.tenant, slug, name), text, ex=KEEP_SECONDS)
        pipeline.incr(keys.version(self.tenant))
        pipeline.execute()

    def publish_failure(self, slug: str, name: str, failure: dict[str, str | bool | None]) -> None:
        """Kept for a short while, so that a page says what is wrong and a later one tries again;
        an older result stays where there is one."""
        pipeline = self._client.pipeline(transaction=True)
        text = orjson.dumps({"failure": failure})
        pipeline.set(keys.insight(self.tenant, slug, name), text, ex=KEEP_FAILURE_SECONDS, nx=True)
        pipeline.incr(keys.version(self.tenant))
        pipeline.execute()

    def lease(self, slug: str, name: str) -> Lease:
        """Taken by whoever asks for a computation."""
        return Lease(self._client, keys.insight_lease(self.tenant, slug, name), QUEUED_MS)

    def running(self, slug: str, name: str, token: str) -> Lease:
        """The same lease in the hands of the worker that got the job."""
        key = keys.insight_lease(self.tenant, slug, name)
        return Lease(self._client, key, RUNNING_MS, token=token)
