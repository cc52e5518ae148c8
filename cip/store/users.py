"""Users and API keys in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from cip.domain.errors import ConflictError, CorruptValueError, NotFoundError
from cip.domain.users import ApiKey, Invitation, User
from cip.store import keys, records
from cip.store.client import Redis, required
from cip.store.revocations import ALL, Revocation
from cip.store.scripts import script


class UserStore:
    """Raises `UnavailableError` when Redis is away: identity fails closed."""

    def __init__(self, reads: Redis, writes: Redis) -> None:
        self._reads = reads
        self._writes = writes

    def find(self, username: str) -> User | None:
        with required():
            text: Any = self._reads.hget(keys.USERS, username)
        return None if text is None else _user(text, username)

    def all(self) -> list[User]:
        with required():
            found: Any = self._reads.hgetall(keys.USERS)
        return sorted(
            (_user(text, name.decode()) for name, text in found.items()),
            key=lambda user: user.username,
        )

    def add(self, user: User) -> None:
        """Raises `ConflictError` where the name is taken."""
        with required():
            added = self._writes.hsetnx(keys.USERS, user.username, user.model_dump_json())
        if not added:
            raise ConflictError(f"The user {user.username} exists already.", field="username")

    def change(self, username: str, update: Callable[[User], User]) -> tuple[User, User]:
        """(before, after). A grown epoch outdates the user's tokens in the same instant. Raises
        `NotFoundError`, and what `update` raises."""

        def apply(text: bytes) -> tuple[str, Revocation | None, tuple[User, User]]:
            before = _user(text, username)
            after = update(before)
            grown = after.epoch > before.epoch
            revocation = Revocation("user", username, after.epoch) if grown else None
            return after.model_dump_json(), revocation, (before, after)

        changed = records.change(self._writes, keys.USERS, username, apply)
        if changed is None:
            raise NotFoundError("There is no such user.", field="username")
        return changed

    def invite(self, invitation: Invitation) -> None:
        """Keeps the code's digest; one that was sent to the same user before stops working."""
        with required():
            self._writes.hset(keys.INVITATIONS, invitation.username, invitation.model_dump_json())

    def invitation(self, username: str) -> Invitation | None:
        with required():
            text: Any = self._reads.hget(keys.INVITATIONS, username)
        return None if text is None else Invitation.model_validate_json(text)

    def take_invitation(self, invitation: Invitation) -> bool:
        """Uses it up; True for exactly one of many who try at once."""
        with required():
            done: Any = script(self._writes, "change_record")(
                keys=[keys.INVITATIONS, keys.REVOCATIONS],
                args=[invitation.username, invitation.model_dump_json(), "", 0],
            )
        return bool(done)

    def find_key(self, key_id: str) -> ApiKey | None:
        with required():
            text: Any = self._reads.hget(keys.API_KEYS, key_id)
        return None if text is None else _key(text, key_id)

    def all_keys(self) -> list[ApiKey]:
        with required():
            found: Any = self._reads.hgetall(keys.API_KEYS)
        return sorted(
            (_key(text, name.decode()) for name, text in found.items()),
            key=lambda key: (key.tenant, key.created_at),
        )

    def add_key(self, key: ApiKey) -> None:
        with required():
            self._writes.hset(keys.API_KEYS, key.key_id, key.model_dump_json())

    def revoke_key(self, key_id: str) -> ApiKey:
        """Outdates what workers remember of it in the same instant. Raises `NotFoundError`."""

        def apply(text: bytes) -> tuple[str, Revocation | None, ApiKey]:
            key = _key(text, key_id).model_copy(update={"revoked": True})
            return key.model_dump_json(), Revocation("key", key_id, ALL), key

        changed = records.change(self._writes, keys.API_KEYS, key_id, apply)
        if changed is None:
            raise NotFoundError("There is no such key.", field="key_id")
        return changed

    def key_used(self, key_id: str, at: datetime) -> None:
        with required():
            self._writes.set(keys.api_key_used(key_id), at.isoformat())

    def keys_used(self, key_ids: Sequence[str]) -> dict[str, datetime]:
        """When each was last used; those that never were are left out."""
        if not key_ids:
            return {}
        with required():
            found: Any = self._reads.mget([keys.api_key_used(key_id) for key_id in key_ids])
        return {
            key_id: datetime.fromisoformat(text.decode())
            for key_id, text in zip(key_ids, found, strict=True)
            if text is not None
        }


def _user(text: bytes, name: str) -> User:
    try:
        return User.model_validate_json(text)
    except ValueError as error:
        raise CorruptValueError(
            f"The user {name} is stored in a form that cannot be read.", field=keys.USERS
        ) from error


def _key(text: bytes, name: str) -> ApiKey:
    try:
        return ApiKey.model_validate_json(text)
    except ValueError as error:
        raise CorruptValueError(
            f"The API key {name} is stored in a form that cannot be read.", field=keys.API_KEYS
        ) from error
