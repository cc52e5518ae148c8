"""The records of erasures: requests, and in time their receipts."""

from __future__ import annotations

from typing import Any

from cip.domain.erasure import Erasure
from cip.domain.errors import CorruptValueError, NotFoundError
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis


class Erasures:
    """One tenant's. Written first by `Tombstones.write`, in one script with the tombstone; later
    by whoever holds the tenant's `erasure_lease`. Raises redis-py's errors."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self.tenant = tenant

    def get(self, erasure_id: str) -> Erasure:
        """Raises `NotFoundError`, also for another tenant's."""
        text: Any = self._client.hget(keys.erasures(self.tenant), erasure_id)
        if text is None:
            raise NotFoundError("There is no such erasure.", field="erasure_id")
        return self._parse(text)

    def all(self) -> list[Erasure]:
        """Newest first."""
        found: Any = self._client.hvals(keys.erasures(self.tenant))
        made = [self._parse(text) for text in found]
        return sorted(made, key=lambda one: (one.requested_at, one.id), reverse=True)

    def unfinished(self) -> list[Erasure]:
        """Those that are not completed, oldest first."""
        ids: Any = self._client.smembers(keys.erasures_open(self.tenant))
        if not ids:
            return []
        found: Any = self._client.hmget(keys.erasures(self.tenant), list(ids))
        made = [self._parse(text) for text in found if text is not None]
        return sorted(made, key=lambda one: (one.requested_at, one.id))

    def save(self, erasure: Erasure) -> None:
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hset(keys.erasures(self.tenant), erasure.id, erasure.model_dump_json())
        if erasure.state == "completed":
            pipeline.srem(keys.erasures_open(self.tenant), erasure.id)
        else:
            pipeline.sadd(keys.erasures_open(self.tenant), erasure.id)
        pipeline.execute()

    def _parse(self, text: bytes) -> Erasure:
        try:
            return Erasure.model_validate_json(text)
        except ValueError as error:
            raise CorruptValueError(
                "An erasure is stored in a form that cannot be read.",
                field=keys.erasures(self.tenant),
            ) from error
