"""Access and refresh tokens for programs: each refresh token works once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cip.auth import tokens
from cip.auth.keyring import KeyRing
from cip.domain.errors import ConflictError, ForbiddenError, UnauthenticatedError
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId, tenant_id
from cip.domain.users import User
from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.credentials import PURPOSE, Credentials
from cip.store.token_families import Family, TokenFamilies

_NOT_VALID: Final = "The refresh token is not valid any more: sign in again."


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: str
    refresh: str
    tenant: TenantId


class ApiTokenService:
    """Every method raises `UnavailableError` when Redis is away."""

    def __init__(
        self,
        accounts: AccountService,
        families: TokenFamilies,
        credentials: Credentials,
        audit: AuditService,
        keys: KeyRing,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._families = families
        self._credentials = credentials
        self._audit = audit
        self._signing = keys.signing(PURPOSE)
        self._verifying = keys.verifying(PURPOSE)
        self._clock = clock

    def grant(self, user: User, tenant: str | None) -> TokenPair:
        """The first pair of a family; `UnauthenticatedError` for a tenant not the user's."""
        chosen = user.home if tenant is None else tenant_id(tenant)
        family = Family(tokens.new_id(), user.username, chosen)
        access, _ = self._issue(user, family)
        token_id = tokens.new_id()
        with self._audit.entering(user, chosen) if chosen != user.home else nullcontext():
            self._audit.record(chosen, user.username, "login.accepted", user.username)
            self._families.add(family, token_id, tokens.REFRESH_LIFE)
        return TokenPair(access, self._refresh_token(user, family, token_id), chosen)

    def _issue(self, user: User, family: Family) -> tuple[str, Principal]:
        """Who may not be in the tenant is refused on record, in their own tenant."""
        try:
            return self._credentials.issue(user, tenant_id(family.tenant), family.id)
        except UnauthenticatedError as error:
            self._audit.record(
                user.home,
                user.username,
                "tenant.entered",
                family.tenant,
                outcome="refused",
                after={"reason": error.code},
            )
            raise

    def refresh(self, token: str) -> TokenPair:
        """The next pair. Raises `ConflictError` for a token that was used a moment ago, and
        `UnauthenticatedError` for one used before, whose family ends with it."""
        now, next_id = self._clock(), tokens.new_id()
        claims = tokens.read(token, "refresh", keys=self._verifying, now=now)
        family = self._families.find(claims.session)
        user = self._accounts.users.find(family.username) if family else None
        if family is None or user is None or user.refresh_epoch(family.tenant) != claims.user_epoch:
            raise UnauthenticatedError(_NOT_VALID)
        # First, for it changes nothing: one who is refused here may come again with this token.
        access, principal = self._credentials.issue(user, tenant_id(family.tenant), family.id)
        spent = self._families.spend(
            family.id, claims.token_id, next_id, now=now, life=tokens.REFRESH_LIFE
        )
        if spent == "just_spent":
            raise ConflictError("This refresh token was used a moment ago.", code="token_spent")
        if spent == "reused":
            self._audit.record(
                tenant_id(family.tenant),
                user.username,
                "token.reused",
                user.username,
                outcome="refused",
            )
        if spent != "rotated":
            raise UnauthenticatedError(_NOT_VALID)
        return TokenPair(access, self._refresh_token(user, family, next_id), principal.tenant)

    def revoke(self, who: Principal) -> None:
        """Ends the family that the principal's access token belongs to."""
        if not who.session:
            raise ForbiddenError("An API key has nothing to sign out of; revoke it instead.")
        with self._audit.recorded(who.tenant, who.subject, "token.revoked", who.subject):
            self._families.end(who.session)

    def _refresh_token(self, user: User, family: Family, token_id: str) -> str:
        now = self._clock()
        claims = tokens.Claims(
            subject=user.username,
            tenant=family.tenant,
            role="refresh",
            user_epoch=user.refresh_epoch(family.tenant),
            tenant_epoch=0,
            session=family.id,
            token_id=token_id,
            expires_at=now + tokens.REFRESH_LIFE,
        )
        return tokens.issue(claims, "refresh", key=self._signing, now=now)
