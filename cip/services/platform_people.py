"""All users of the platform, as those see to them who run it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cip.auth import passwords
from cip.domain.errors import ConflictError, NotFoundError
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.domain.users import User
from cip.services import members
from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.sessions import SessionService


class PlatformPeopleService:
    """Needs `tenants:manage`. On record in the log of the user's home tenant; who is made a super
    admin, or is none any more, in the platform's."""

    def __init__(
        self,
        accounts: AccountService,
        sessions: SessionService,
        audit: AuditService,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._users = accounts.users
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    def all(self, who: Principal) -> list[User]:
        who.require(Permission.TENANTS_MANAGE)
        return self._users.all()

    def create(
        self,
        who: Principal,
        username: str,
        password: str,
        tenant: TenantId,
        role: Role,
        *,
        name: str | None = None,
        super_admin: bool = False,
    ) -> User:
        """Raises `InvalidInputError` for a weak password, `ConflictError` for a taken name."""
        who.require(Permission.TENANTS_MANAGE)
        title = members.checked_name(username if name is None else name)
        user = members.new_user(username, title, tenant, members.checked_role(role), self._clock())
        place = self._accounts.tenants.get(tenant)
        passwords.check_strength(password, username=username, names=(title, place.name))
        hashed = passwords.hash_password(password)
        user = user.model_copy(update={"password_hash": hashed, "super_admin": super_admin})
        if self._users.find(username):
            raise ConflictError(f"The user {username} exists already.", field="username")
        after = {"role": role.value, "super_admin": super_admin}
        if super_admin:
            self._audit.record(None, who.subject, "user.created", username, after=after)
        with self._audit.recorded(tenant, who.subject, "user.created", username, after=after):
            self._users.add(user)
        return user

    def set_disabled(self, who: Principal, username: str, disabled: bool) -> None:
        """Disabling ends all that the user signed in with, in every tenant."""
        user = self._find(who, username)
        if user.disabled == disabled:
            return
        action = "user.disabled" if disabled else "user.enabled"
        with self._audit.recorded(user.home, who.subject, action, username):
            self._users.change(username, lambda now: members.signed_out(now, disabled=disabled))
            if disabled:
                self._sessions.end_all(username)

    def set_password(self, who: Principal, username: str, password: str) -> None:
        """Ends all that the user signed in with."""
        user = self._find(who, username)
        passwords.check_strength(password, username=username, names=(user.name,))
        hashed = passwords.hash_password(password)
        with self._audit.recorded(user.home, who.subject, "password.reset", username):
            self._users.change(username, lambda now: members.signed_out(now, password_hash=hashed))
            self._sessions.end_all(username)

    def set_super_admin(self, who: Principal, username: str, super_admin: bool) -> None:
        user = self._find(who, username)
        if user.super_admin == super_admin:
            return
        with self._audit.recorded(
            None,
            who.subject,
            "user.super_admin_changed",
            username,
            before={"super_admin": user.super_admin},
            after={"super_admin": super_admin},
        ):
            self._users.change(username, lambda now: members.grown(now, super_admin=super_admin))

    def _find(self, who: Principal, username: str) -> User:
        who.require(Permission.TENANTS_MANAGE)
        user = self._users.find(username)
        if user is None:
            raise NotFoundError("There is no such user.", field="username")
        if user.username == who.subject:
            raise ConflictError("Nobody does this to themselves: ask another administrator.")
        return user
