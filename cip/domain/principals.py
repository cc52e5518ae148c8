"""Who is asking. The tenant of every read and write comes from here and from nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from cip.domain.errors import ForbiddenError
from cip.domain.permissions import Permission, Role
from cip.domain.tenants import TenantId


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified user or API key, acting in one tenant. `session`: the browser session or the
    family of API tokens that it came by, "" for an API key."""

    subject: str
    tenant: TenantId
    role: Role
    permissions: frozenset[Permission]
    session: str = ""

    def require(self, permission: Permission) -> None:
        """Raises `ForbiddenError` unless the principal holds `permission`."""
        if permission not in self.permissions:
            raise ForbiddenError(
                f"This needs the permission {permission.value}.", permission=permission.value
            )
