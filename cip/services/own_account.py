"""What people do with their own account, and how the invited get one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from cip.auth import opaque, passwords
from cip.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.sessions import Session
from cip.domain.tenants import TenantId
from cip.domain.users import Invitation, User
from cip.services import members
from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.refusals import Refusals
from cip.services.sessions import SessionService
from cip.store.throttle import LoginThrottle

BAD_CODE: Final = "This link does not work any more. Ask for a new one."
# Compared with where there is no invitation, so that it takes as long.
_NO_DIGEST: Final = opaque.digest("")
_LONGEST_NAME: Final = 120


class Membership(NamedTuple):
    tenant: TenantId
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Profile:
    username: str
    name: str
    memberships: tuple[Membership, ...]
    super_admin: bool


@dataclass(frozen=True, slots=True)
class OwnSession:
    """`present`: the one that asks."""

    session: Session
    present: bool


class OwnAccountService:
    """For every user and no API key. Raises `UnavailableError` when Redis is away."""

    def __init__(
        self,
        accounts: AccountService,
        sessions: SessionService,
        audit: AuditService,
        clock: Callable[[], datetime],
        throttle: LoginThrottle,
        refusals: Refusals,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._throttle = throttle
        self._refusals = refusals

    def profile(self, who: Principal) -> Profile:
        user = self._self(who)
        names = {tenant.id: tenant.name for tenant in self._accounts.tenants.all()}
        memberships = tuple(
            Membership(tenant, names.get(tenant, tenant), role)
            for tenant, role in sorted(user.memberships.items())
        )
        return Profile(user.username, user.name, memberships, user.super_admin)

    def rename(self, who: Principal, name: str) -> None:
        user, name = self._self(who), members.checked_name(name)
        if name == user.name:
            return
        with self._audit.recorded(
            who.tenant,
            who.subject,
            "user.renamed",
            who.subject,
            before={"name": user.name},
            after={"name": name},
        ):
            self._accounts.users.change(
                who.subject, lambda user: user.model_copy(update={"name": name})
            )

    def change_password(self, who: Principal, old: str, new: str, *, address: str = "") -> None:
        """Ends the user's other sessions and outdates all their tokens; the present session goes
        on. A wrong `old` counts as a failed sign-in."""
        user = self._self(who)
        self._require_password(who, user, old, address)
        if old == new:
            raise InvalidInputError("The new password is the old one.", field="password")
        hashed = _hashed(new, user)

        def update(now: User) -> User:
            if now.password_hash != user.password_hash:
                raise ConflictError("The password was changed by somebody else meanwhile.")
            return members.signed_out(now, password_hash=hashed)

        with self._audit.recorded(who.tenant, who.subject, "password.changed", who.subject):
            self._accounts.users.change(who.subject, update)
            self._sessions.end_all(who.subject, keep=who.session)

    def sessions(self, who: Principal) -> list[OwnSession]:
        """Newest first."""
        self._self(who)
        return [OwnSession(one, one.id == who.session) for one in self._sessions.of(who.subject)]

    def end_session(self, who: Principal, session_id: str) -> None:
        """Raises `NotFoundError` for somebody else's."""
        if all(own.session.id != session_id for own in self.sessions(who)):
            raise NotFoundError("There is no such session.", field="session")
        with self._audit.recorded(who.tenant, who.subject, "session.ended", who.subject):
            self._sessions.end(who.subject, session_id)

    def end_other_sessions(self, who: Principal) -> int:
        self._self(who)
        with self._audit.recorded(who.tenant, who.subject, "session.ended_others", who.subject):
            return self._sessions.end_all(who.subject, keep=who.session)

    def accept_invitation(self, code: str, password: str, *, address: str = "") -> User:
        """Sets the invited user's first password. Whatever is wrong with the code, the answer is
        the same; a code with which a weak password came can be used again. Raises
        `ThrottledError` for an address that tries too often."""
        self._throttle.admit(_joining(address), address)
        user, invitation = self._invited(code)
        if user is None or invitation is None:
            username = code.partition(".")[2]
            self._refusals.record_flood("invitation.refused", username, "bad_code", address)
            raise UnauthenticatedError(BAD_CODE)
        self._throttle.succeeded(_joining(address), address)
        hashed = _hashed(password, user)

        def update(now: User) -> User:
            if now.password_hash or now.disabled:
                raise UnauthenticatedError(BAD_CODE)
            return members.signed_out(now, password_hash=hashed)

        with self._audit.recorded(user.home, user.username, "invitation.accepted", user.username):
            if not self._accounts.users.take_invitation(invitation):
                raise UnauthenticatedError(BAD_CODE)
            return self._accounts.users.change(user.username, update)[1]

    def _invited(self, code: str) -> tuple[User | None, Invitation | None]:
        """Whom the code is for, and by which invitation it lets them in; None where it does not."""
        secret, _, username = code.partition(".")
        username = username if username.isascii() and len(username) <= _LONGEST_NAME else ""
        invitation = self._accounts.users.invitation(username)
        user = self._accounts.users.find(username)
        fits = opaque.same(opaque.digest(secret), invitation.digest if invitation else _NO_DIGEST)
        in_time = invitation is not None and invitation.expires_at > self._clock()
        waits = user is not None and not user.password_hash and not user.disabled
        return user, invitation if fits and in_time and waits else None

    def _self(self, who: Principal) -> User:
        if who.role is Role.API_KEY:
            raise ForbiddenError("An API key has no account.")
        user = self._accounts.users.find(who.subject)
        if user is None:
            raise NotFoundError("There is no such user.", field="username")
        return user

    def _require_password(self, who: Principal, user: User, password: str, address: str) -> None:
        self._throttle.admit(user.username, address)
        if not passwords.verify(user.password_hash or None, password):
            self._audit.record(
                who.tenant, who.subject, "password.changed", who.subject, outcome="refused"
            )
            raise InvalidInputError(
                "The present password is not right.", code="wrong_password", field="old"
            )
        self._throttle.succeeded(user.username, address)


def _hashed(password: str, user: User) -> str:
    passwords.check_strength(password, username=user.username, names=(user.name,))
    return passwords.hash_password(password)


def _joining(address: str) -> str:
    """Tries of codes have a bucket per address, whoever they name: nobody is kept from joining."""
    return f"joining from {address}"
