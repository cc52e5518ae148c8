"""What becomes of a user's record when their places change. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cip.domain.errors import ConflictError, InvalidInputError
from cip.domain.permissions import Role
from cip.domain.tenants import TenantId
from cip.domain.users import User

ROLES: Final = (Role.VIEWER, Role.ANALYST, Role.ADMIN)


def checked_name(name: str) -> str:
    """A person's name as it is kept; raises `InvalidInputError`."""
    name = " ".join(name.split())
    if not (1 <= len(name) <= 120 and name.isprintable()):
        raise InvalidInputError("A name is 1 to 120 characters.", field="name")
    return name


def checked_role(role: Role) -> Role:
    """A role that a membership can have; raises `InvalidInputError`."""
    if role not in ROLES:
        raise InvalidInputError("A role is viewer, analyst or admin.", field="role")
    return role


def new_user(username: str, name: str, tenant: TenantId, role: Role, at: datetime) -> User:
    """A user without a password. Raises `InvalidInputError` for a bad user name."""
    try:
        return User(
            username=username,
            name=name,
            password_hash="",
            memberships={tenant: role},
            home=tenant,
            created_at=at,
        )
    except ValueError as error:
        raise InvalidInputError(
            "A user name is 1 to 120 of a-z, 0-9 and . _ @ + -.", field="username"
        ) from error


def grown(user: User, **changes: object) -> User:
    """The user with these changes; tokens issued before are outdated."""
    return user.model_copy(update={**changes, "epoch": user.epoch + 1})


def signed_out(user: User, tenant: str = "", **changes: object) -> User:
    """The user with these changes; programs that signed in, in this tenant or in all, have to do
    it again."""
    epochs = {**user.refresh_epochs, tenant: user.refresh_epochs.get(tenant, 0) + 1}
    return grown(user, **{**changes, "refresh_epochs": epochs})


def joined(tenant: TenantId, role: Role, elsewhere: bool, user: User) -> User:
    """As `with_member`, for somebody who was seen to belong to another tenant, or not to. Whoever
    holds a code that no password has replaced yet could otherwise come into both."""
    if not elsewhere and (user.memberships or user.super_admin):
        raise ConflictError("This user name was taken just now.", field="username")
    if elsewhere and not user.password_hash:
        raise ConflictError(
            f"{user.username} has not accepted an earlier invitation yet.", field="username"
        )
    return with_member(user, tenant, role)


def with_member(user: User, tenant: TenantId, role: Role) -> User:
    if tenant in user.memberships:
        raise ConflictError(f"{user.username} is a member already.", field="username")
    if user.memberships or user.super_admin:
        return user.model_copy(update={"memberships": {**user.memberships, tenant: role}})
    # Nobody's member was disabled for that reason. The name may be another person's by now.
    return signed_out(
        user, memberships={tenant: role}, home=tenant, disabled=False, password_hash=""
    )


def without(user: User, tenant: TenantId) -> User:
    """The user without this membership, at home in another tenant, or disabled without any."""
    left = {name: role for name, role in user.memberships.items() if name != tenant}
    home = min(left, default=user.home) if user.home == tenant else user.home
    disabled = user.disabled or not (left or user.super_admin)
    return signed_out(user, tenant, memberships=left, home=home, disabled=disabled)


def put_back(user: User, old: User) -> User:
    return grown(user, memberships=old.memberships, home=old.home, disabled=old.disabled)


def administers(user: User, tenant: TenantId) -> bool:
    """Somebody who could sign in and do it."""
    able = bool(user.password_hash) and not user.disabled
    return able and user.memberships.get(tenant) is Role.ADMIN
