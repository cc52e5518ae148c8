"""From what a request carries to the principal, without a round trip to Redis."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final

from cip.auth import api_keys, tokens
from cip.auth.keyring import KeyRing
from cip.auth.policy import PERMISSIONS
from cip.domain.errors import (
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId, tenant_id
from cip.domain.users import User
from cip.services.accounts import REFUSED, AccountService
from cip.store.revocations import Revocations

PURPOSE: Final = "tokens"
# A user name has no colon: the two cannot be taken for each other.
KEY_SUBJECT: Final = "key:"
MAX_KEPT: Final = 4_096
USED_SECONDS: Final = 60.0
_EXPIRED: Final = "Sign in again: this is not valid any more."
_SUSPENDED: Final = "This tenant is suspended. Ask the platform's administrator."
_BAD_KEY: Final = "The API key is not valid."


@dataclass(frozen=True, slots=True)
class _Verified:
    """What was verified once stays so until it expires or is revoked. `until`: as a timestamp."""

    principal: Principal
    user_epoch: int
    tenant_epoch: int
    until: float


class Credentials:
    """Raises `UnauthenticatedError` for what does not hold, `UnavailableError` when Redis is away
    or what this process knows of revocations is too old: identity fails closed."""

    def __init__(
        self,
        accounts: AccountService,
        revocations: Revocations,
        keys: KeyRing,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._revocations = revocations
        self._signing = keys.signing(PURPOSE)
        self._verifying = keys.verifying(PURPOSE)
        self._clock = clock
        self._kept: OrderedDict[bytes, _Verified] = OrderedDict()
        self._lock = Lock()

    def issue(
        self, user: User, tenant: TenantId, session: str, *, ends_at: datetime | None = None
    ) -> tuple[str, Principal]:
        """An access token for the user in the tenant, with the role they have there now; it ends
        with the session at the latest."""
        role = None if user.disabled else self._accounts.role(user, tenant)
        if role is None:
            raise UnauthenticatedError(REFUSED)
        now = self._clock()
        life = now + tokens.ACCESS_LIFE
        claims = tokens.Claims(
            subject=user.username,
            tenant=tenant,
            role=role.value,
            user_epoch=user.epoch,
            tenant_epoch=self._tenant_epoch(tenant, role),
            session=session,
            token_id=tokens.new_id(),
            expires_at=life if ends_at is None else min(life, ends_at),
        )
        principal = Principal(user.username, tenant, role, PERMISSIONS[role], session)
        return tokens.issue(claims, "access", key=self._signing, now=now), principal

    def of_access(self, token: str) -> Principal:
        self._revocations.look()
        name = _name("access", token)
        found = self._kept.get(name) or self._keep(name, self._read_access(token))
        if found.until <= self._clock().timestamp() or self._outdated(found):
            raise UnauthenticatedError(_EXPIRED)
        return found.principal

    def of_key(self, text: str) -> Principal:
        self._revocations.look()
        name = _name("key", text)
        found = self._kept.get(name)
        if found is None or found.until <= self._clock().timestamp() or self._outdated(found):
            found = self._keep(name, self._read_key(text))
        return found.principal

    def _outdated(self, found: _Verified) -> bool:
        who, outdated = found.principal, self._revocations.outdated
        if who.role is Role.API_KEY:
            return outdated("key", who.subject.removeprefix(KEY_SUBJECT), 0) or outdated(
                "tenant", who.tenant, found.tenant_epoch
            )
        return (
            outdated("user", who.subject, found.user_epoch)
            or outdated("session", who.session, 0)
            or outdated("tenant", who.tenant, found.tenant_epoch)
        )

    def _read_access(self, token: str) -> _Verified:
        claims = tokens.read(token, "access", keys=self._verifying, now=self._clock())
        try:
            role, tenant = Role(claims.role), tenant_id(claims.tenant)
            permissions = PERMISSIONS[role]
        except (ValueError, KeyError, InvalidInputError):
            # Signed when there was such a role, or by something that is not this platform.
            raise UnauthenticatedError(_EXPIRED) from None
        principal = Principal(claims.subject, tenant, role, permissions, claims.session)
        until = (claims.expires_at + tokens.LEEWAY).timestamp()
        return _Verified(principal, claims.user_epoch, claims.tenant_epoch, until)

    def _read_key(self, text: str) -> _Verified:
        """Kept for a minute, after which it counts as used again."""
        parts = api_keys.split(text)
        key = self._accounts.users.find_key(parts[0]) if parts else None
        if not parts or key is None or key.revoked or not api_keys.fits(parts[1], key.digest):
            raise UnauthenticatedError(_BAD_KEY)
        now = self._clock()
        epoch = self._tenant_epoch(key.tenant, Role.API_KEY)
        with suppress(UnavailableError):  # to know when it was used is worth no refusal
            self._accounts.users.key_used(key.key_id, now)
        principal = Principal(KEY_SUBJECT + key.key_id, key.tenant, Role.API_KEY, key.permissions)
        return _Verified(principal, 0, epoch, now.timestamp() + USED_SECONDS)

    def _tenant_epoch(self, tenant: TenantId, role: Role) -> int:
        try:
            found = self._accounts.tenants.get(tenant)
        except NotFoundError:
            raise UnauthenticatedError(REFUSED) from None
        # The platform's own administrators go in and out, else nobody could end a suspension.
        if found.suspended and role is not Role.SUPER_ADMIN:
            raise UnauthenticatedError(_SUSPENDED, code="tenant_suspended")
        return found.epoch

    def _keep(self, name: bytes, verified: _Verified) -> _Verified:
        with self._lock:
            self._kept[name] = verified
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return verified


def _name(kind: str, text: str) -> bytes:
    """By kind: what was verified as a key is no token, and the other way round."""
    told = f"{kind} {text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, digest_size=32).digest()
