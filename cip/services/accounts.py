"""Tenants, users and API keys: how they come to be, and who is who."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from cip.auth import api_keys, passwords
from cip.auth.policy import KEY_SCOPES
from cip.domain.errors import ConflictError, InvalidInputError, UnauthenticatedError
from cip.domain.permissions import Permission, Role
from cip.domain.tenants import Tenant, TenantId, tenant_id
from cip.domain.users import ApiKey, User
from cip.store.tenants import TenantStore
from cip.store.users import UserStore

REFUSED: Final = "The user name or the password is not right."
DEMO_TENANT: Final = TenantId("demo_tenant")
DEMO_ENTERPRISE: Final = TenantId("enterprise")
# (user, tenant, role, super admin); the password is the name and 123, in demo mode only.
DEMO_USERS: Final = (
    ("admin", DEMO_TENANT, Role.ADMIN, False),
    ("analyst", DEMO_TENANT, Role.ANALYST, False),
    ("viewer", DEMO_TENANT, Role.VIEWER, False),
    ("enterprise", DEMO_ENTERPRISE, Role.ADMIN, False),
    ("root", DEMO_TENANT, Role.ADMIN, True),
)


class AccountService:
    """Every method raises `UnavailableError` when Redis is away."""

    def __init__(
        self, tenants: TenantStore, users: UserStore, clock: Callable[[], datetime]
    ) -> None:
        self.tenants = tenants
        self.users = users
        self._clock = clock

    def ensure_tenant(self, tenant: Tenant) -> bool:
        """Makes the tenant unless it exists (then it stays as it is); whether it was made."""
        try:
            self.tenants.add(tenant)
        except ConflictError:
            return False
        return True

    def create_tenant(
        self, name: str, *, title: str | None = None, currency: str = "EUR", timezone: str = "UTC"
    ) -> Tenant:
        try:
            tenant = Tenant(
                id=tenant_id(name),
                name=title or name,
                currency=currency,
                timezone=timezone,
                created_at=self._clock(),
            )
        except ValueError as error:
            raise InvalidInputError(str(error), field="tenant") from error
        self.tenants.add(tenant)
        return tenant

    def create_user(self, username: str, password: str, tenant: TenantId, role: Role) -> User:
        """Raises `InvalidInputError` for a weak password, `ConflictError` for a taken name."""
        title = self.tenants.get(tenant).name
        passwords.check_strength(password, username=username, names=(tenant, title))
        return self._add_user(username, password, tenant, role)

    def ensure_demo_users(self) -> None:
        """The published demo logins; their passwords bypass the length rule and nothing else."""
        for username, tenant, role, super_admin in DEMO_USERS:
            if self.users.find(username) is None:
                self._add_user(
                    username,
                    f"{username}123",
                    tenant,
                    role,
                    super_admin=super_admin,
                    demo=True,
                )

    def authenticate(self, username: str, password: str) -> User:
        """The user, or `UnauthenticatedError` with the same words, after the same work, whatever
        was wrong."""
        user = self.users.find(username) if username.isascii() and username else None
        usable = user is not None and not user.disabled and user.password_hash
        fits = passwords.verify(user.password_hash if user and usable else None, password)
        if user is None or not fits:
            raise UnauthenticatedError(REFUSED)
        return user

    def role(self, user: User, tenant: TenantId) -> Role | None:
        """What the user is in the tenant, None where they may not be."""
        return Role.SUPER_ADMIN if user.super_admin else user.memberships.get(tenant)

    def create_key(
        self,
        tenant: TenantId,
        label: str,
        permissions: frozenset[Permission],
        *,
        created_by: str = "",
    ) -> tuple[ApiKey, str]:
        """The key's record and its text, which is shown once and not kept."""
        if outside := permissions - KEY_SCOPES:
            raise InvalidInputError(
                f"A key cannot have {', '.join(sorted(outside))}.", field="permissions"
            )
        self.tenants.get(tenant)
        key_id, text, digest = api_keys.new_key()
        key = ApiKey(
            key_id=key_id,
            digest=digest,
            tenant=tenant,
            label=label,
            permissions=permissions,
            created_at=self._clock(),
            created_by=created_by,
        )
        self.users.add_key(key)
        return key, text

    def _add_user(
        self,
        username: str,
        password: str,
        tenant: TenantId,
        role: Role,
        *,
        super_admin: bool = False,
        demo: bool = False,
    ) -> User:
        try:
            user = User(
                username=username,
                name=username,
                password_hash=passwords.hash_password(password),
                memberships={tenant: role},
                home=tenant,
                super_admin=super_admin,
                demo=demo,
                created_at=self._clock(),
            )
        except ValueError as error:
            raise InvalidInputError(
                "A user name is 1 to 120 of a-z, 0-9 and . _ @ + -.", field="username"
            ) from error
        self.users.add(user)
        return user
