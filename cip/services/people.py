"""The people of a tenant, as its administrators manage them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cip.auth import opaque
from cip.domain.audit import Scalar
from cip.domain.errors import ConflictError, NotFoundError
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.domain.users import Invitation, User
from cip.services import members
from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.sessions import SessionService

INVITATION_LIFE: Final = timedelta(days=7)
Update = Callable[[User], User]


@dataclass(frozen=True, slots=True)
class Person:
    """A member of one tenant; other tenants of theirs never show. `invited`: no password yet."""

    username: str
    name: str
    role: Role
    disabled: bool
    invited: bool
    demo: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """`code` sets the first password, once, and is shown once. None for somebody who is known to
    the platform already: they have their own password."""

    username: str
    code: str | None
    expires_at: datetime | None


class PeopleService:
    """Works within the principal's tenant: whoever is no member of it does not exist here."""

    def __init__(
        self,
        accounts: AccountService,
        sessions: SessionService,
        audit: AuditService,
        clock: Callable[[], datetime],
    ) -> None:
        self._users = accounts.users
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    def all(self, who: Principal) -> list[Person]:
        who.require(Permission.USERS_MANAGE)
        return [
            Person(
                username=user.username,
                name=user.name,
                role=user.memberships[who.tenant],
                disabled=user.disabled,
                invited=not user.password_hash,
                demo=user.demo,
                created_at=user.created_at,
            )
            for user in self._users.all()
            if who.tenant in user.memberships
        ]

    def invite(self, who: Principal, username: str, name: str, role: Role) -> Invited:
        """Makes a new user without a password. Somebody who belongs to other tenants gets a
        membership from the platform's administrators alone: what one tenant's could do to them
        would reach into the others."""
        who.require(Permission.USERS_MANAGE)
        fresh = members.new_user(
            username,
            members.checked_name(name),
            who.tenant,
            members.checked_role(role),
            self._clock(),
        )
        known = self._users.find(username)
        if known and who.tenant in known.memberships:
            raise ConflictError(f"{username} is a member already.", field="username")
        elsewhere = known is not None and bool(known.memberships or known.super_admin)
        if elsewhere and Permission.TENANTS_MANAGE not in who.permissions:
            raise ConflictError(
                "This user name is taken. Choose another, or ask the platform's administrator.",
                field="username",
            )
        with self._audit.recorded(
            who.tenant, who.subject, "user.invited", username, after={"role": role.value}
        ):
            if known is None:
                self._users.add(fresh)
            else:
                self._users.change(username, partial(members.joined, who.tenant, role, elsewhere))
            return Invited(username, None, None) if elsewhere else self._issue_code(who, username)

    def renew_invitation(self, who: Principal, username: str) -> Invited:
        """A new code; the one before stops working. Only while the user has no password."""
        user = self._member(who, username)
        if user.password_hash:
            raise ConflictError(f"{username} has a password already.", field="username")
        self._require_own(who, user)
        with self._audit.recorded(who.tenant, who.subject, "user.invited", username):
            return self._issue_code(who, username)

    def change_role(self, who: Principal, username: str, role: Role) -> None:
        """Outdates the user's tokens; their browser sessions go on with the new role."""
        members.checked_role(role)
        before = self._member(who, username, not_oneself=True).memberships[who.tenant]
        if before is role:
            return

        def update(user: User) -> User:
            return members.grown(user, memberships={**user.memberships, who.tenant: role})

        self._change(who, username, "user.role_changed", update, {"role": before}, {"role": role})

    def set_disabled(self, who: Principal, username: str, disabled: bool) -> None:
        """Disabling ends all that the user signed in with. Raises `ConflictError` for somebody
        who is more than a member of this tenant."""
        user = self._member(who, username, not_oneself=True)
        self._require_own(who, user)
        if user.disabled == disabled:
            return

        def update(user: User) -> User:
            self._require_own(who, user)
            return members.signed_out(user, disabled=disabled)

        action = "user.disabled" if disabled else "user.enabled"
        self._change(who, username, action, update)
        if disabled:
            self._sessions.end_all(username)

    def remove(self, who: Principal, username: str) -> None:
        """Takes the membership away. Somebody without any is kept, disabled."""
        role = self._member(who, username, not_oneself=True).memberships[who.tenant]
        self._change(
            who,
            username,
            "user.removed",
            lambda user: members.without(user, who.tenant),
            {"role": role},
        )
        self._end_sessions_in(who.tenant, username)

    def sign_out_everywhere(self, who: Principal, username: str) -> int:
        """Ends the user's sessions that act in this tenant, and outdates all their tokens;
        how many sessions. A session that acts in another tenant gets a new token by itself."""
        self._member(who, username)
        with self._audit.recorded(who.tenant, who.subject, "user.signed_out", username):
            self._users.change(username, lambda user: members.signed_out(user, who.tenant))
            return self._end_sessions_in(who.tenant, username)

    def _member(self, who: Principal, username: str, *, not_oneself: bool = False) -> User:
        who.require(Permission.USERS_MANAGE)
        user = self._users.find(username)
        if user is None or who.tenant not in user.memberships:
            raise _nobody()
        if not_oneself and user.username == who.subject:
            raise ConflictError("Nobody does this to themselves: ask another administrator.")
        return user

    def _require_own(self, who: Principal, user: User) -> None:
        """What touches the user everywhere is for their only tenant, or for the platform."""
        alone = set(user.memberships) == {who.tenant} and not user.super_admin
        if not alone and Permission.TENANTS_MANAGE not in who.permissions:
            raise ConflictError(
                f"{user.username} has a place outside this tenant too: remove the membership "
                "instead.",
                field="username",
            )

    def _change(
        self,
        who: Principal,
        username: str,
        action: str,
        update: Update,
        before: dict[str, Scalar] | None = None,
        after: dict[str, Scalar] | None = None,
    ) -> None:
        """Checked before it is on record, and again on what is there when it is written."""

        def checked(user: User) -> User:
            if who.tenant not in user.memberships:
                raise _nobody()
            return update(user)

        user = self._member(who, username)
        self._require_admins(user, checked(user), who.tenant, but=username)
        with self._audit.recorded(
            who.tenant, who.subject, action, username, before=before, after=after
        ):
            old, new = self._users.change(username, checked)
            try:
                self._require_admins(old, new, who.tenant)
            except ConflictError:
                # Two administrators took each other's place away at once: the later one loses.
                self._users.change(username, lambda now: members.put_back(now, old))
                raise

    def _require_admins(self, old: User, new: User, tenant: TenantId, but: str = "") -> None:
        """Raises `ConflictError` where this takes the tenant's last administrator away."""
        if not members.administers(old, tenant) or members.administers(new, tenant):
            return
        others = (user for user in self._users.all() if user.username != but)
        if not any(members.administers(user, tenant) for user in others):
            raise ConflictError(
                f"{old.username} is the last administrator of this tenant: make another first.",
                field="username",
            )

    def _issue_code(self, who: Principal, username: str) -> Invited:
        secret, expires_at = opaque.new(), self._clock() + INVITATION_LIFE
        self._users.invite(
            Invitation(
                digest=opaque.digest(secret),
                username=username,
                invited_by=who.subject,
                expires_at=expires_at,
            )
        )
        return Invited(username, f"{secret}.{username}", expires_at)

    def _end_sessions_in(self, tenant: TenantId, username: str) -> int:
        there = [one for one in self._sessions.of(username) if one.tenant == tenant]
        for session in there:
            self._sessions.end(username, session.id)
        return len(there)


def _nobody() -> NotFoundError:
    return NotFoundError("There is no such user.", field="username")
