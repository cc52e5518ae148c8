"""Removing users, API keys and tenants for good."""

from __future__ import annotations

from typing import Any, Final

from cip.domain.tenants import Tenant, TenantId
from cip.domain.users import User
from cip.store import keys, records
from cip.store.client import Redis, required
from cip.store.revocations import ALL, Revocation

_BATCH: Final = 500


class TenantRemoval:
    """Every step may be repeated. Raises `UnavailableError` when Redis is away."""

    def __init__(self, reads: Redis, writes: Redis) -> None:
        self._reads = reads
        self._writes = writes

    def begin(self, tenant: TenantId) -> None:
        """Until it is finished, nobody can make a tenant of this name: it would inherit."""
        with required():
            self._writes.sadd(keys.TENANTS_BEING_REMOVED, tenant)

    def finished(self, tenant: TenantId) -> None:
        with required():
            self._writes.srem(keys.TENANTS_BEING_REMOVED, tenant)

    def under_way(self) -> set[str]:
        with required():
            names: Any = self._reads.smembers(keys.TENANTS_BEING_REMOVED)
        return {name.decode() for name in names}

    def remove_user(self, username: str) -> None:
        """Outdates their tokens in the same instant."""

        def apply(text: bytes) -> tuple[str, Revocation | None, bool]:
            epoch = User.model_validate_json(text).epoch + 1
            return "", Revocation("user", username, epoch), True

        records.change(self._writes, keys.USERS, username, apply)
        with required():
            self._writes.hdel(keys.INVITATIONS, username)

    def remove_key(self, key_id: str) -> None:
        """Outdates what workers remember of it in the same instant."""
        records.change(
            self._writes,
            keys.API_KEYS,
            key_id,
            lambda _: ("", Revocation("key", key_id, ALL), True),
        )
        with required():
            self._writes.delete(keys.api_key_used(key_id))

    def remove_tenant(self, tenant: TenantId) -> None:
        """Takes it off the register, and outdates its people's tokens in the same instant."""

        def apply(text: bytes) -> tuple[str, Revocation | None, bool]:
            epoch = Tenant.model_validate_json(text).epoch + 1
            return "", Revocation("tenant", tenant, epoch), True

        records.change(self._writes, keys.TENANTS, tenant, apply)

    def remove_keys(self, tenant: TenantId) -> int:
        """Removes all that Redis holds of the tenant, but for the lease of whoever still consumes
        its stream; how many keys."""
        removed = 0
        with required():
            found = self._reads.scan_iter(match=keys.pattern_of(tenant), count=_BATCH)
            for name in [one for one in found if self._goes(one, tenant)]:
                removed += int(self._writes.unlink(name))
        return removed

    def _goes(self, key: bytes, tenant: TenantId) -> bool:
        name = key.decode("utf-8", "replace")
        return keys.is_of(tenant, name) and name != keys.ingest_lease(tenant)
