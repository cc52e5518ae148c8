"""Users and API keys in Redis."""

from __future__ import annotations

from typing import Any

from cip.domain.errors import ConflictError, CorruptValueError
from cip.domain.users import ApiKey, User
from cip.store import keys
from cip.store.client import Redis, required


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

    def save(self, user: User) -> None:
        with required():
            self._writes.hset(keys.USERS, user.username, user.model_dump_json())

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

    def save_key(self, key: ApiKey) -> None:
        with required():
            self._writes.hset(keys.API_KEYS, key.key_id, key.model_dump_json())


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
