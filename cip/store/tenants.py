"""The register of tenants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cip.domain.errors import ConflictError, CorruptValueError, NotFoundError
from cip.domain.tenants import Tenant, TenantId
from cip.store import keys, records
from cip.store.client import Redis, required
from cip.store.revocations import Revocation


class TenantStore:
    """Raises `UnavailableError` when Redis is away: nobody can be served without a tenant."""

    def __init__(self, reads: Redis, writes: Redis) -> None:
        self._reads = reads
        self._writes = writes

    def get(self, tenant: TenantId) -> Tenant:
        with required():
            text: Any = self._reads.hget(keys.TENANTS, tenant)
        if text is None:
            raise NotFoundError(f"There is no tenant {tenant}.", field="tenant")
        return _parse(text, tenant)

    def all(self) -> list[Tenant]:
        with required():
            found: Any = self._reads.hgetall(keys.TENANTS)
        return sorted(
            (_parse(text, name.decode()) for name, text in found.items()),
            key=lambda tenant: tenant.id,
        )

    def ids(self) -> list[TenantId]:
        with required():
            names: Any = self._reads.hkeys(keys.TENANTS)
        return sorted(TenantId(name.decode()) for name in names)

    def add(self, tenant: Tenant) -> None:
        """Raises `ConflictError` where the id is taken."""
        with required():
            added = self._writes.hsetnx(keys.TENANTS, tenant.id, tenant.model_dump_json())
        if not added:
            raise ConflictError(f"The tenant {tenant.id} exists already.", field="tenant")

    def change(self, tenant: TenantId, update: Callable[[Tenant], Tenant]) -> tuple[Tenant, Tenant]:
        """(before, after). A grown epoch outdates the tokens of all its people in the same
        instant. Raises `NotFoundError`, and what `update` raises."""

        def apply(text: bytes) -> tuple[str, Revocation | None, tuple[Tenant, Tenant]]:
            before = _parse(text, tenant)
            after = update(before)
            grown = after.epoch > before.epoch
            revocation = Revocation("tenant", tenant, after.epoch) if grown else None
            return after.model_dump_json(), revocation, (before, after)

        changed = records.change(self._writes, keys.TENANTS, tenant, apply)
        if changed is None:
            raise NotFoundError(f"There is no tenant {tenant}.", field="tenant")
        return changed


def _parse(text: bytes, name: str) -> Tenant:
    try:
        return Tenant.model_validate_json(text)
    except ValueError as error:
        raise CorruptValueError(
            f"The tenant {name} is stored in a form that cannot be read.", field=keys.TENANTS
        ) from error
