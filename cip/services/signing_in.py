"""Checks of a user name and a password: throttled, the same for everybody, and on record."""

from __future__ import annotations

import hashlib
from typing import Final

from cip.domain.errors import ThrottledError, UnauthenticatedError
from cip.domain.users import User
from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.once import Once
from cip.store.throttle import LoginThrottle

_THROTTLED_SECONDS: Final = 60.0


class SignInService:
    """Raises `ThrottledError`, `UnauthenticatedError`; `UnavailableError` without Redis."""

    def __init__(
        self,
        accounts: AccountService,
        throttle: LoginThrottle,
        audit: AuditService,
        name_key: bytes,
    ) -> None:
        self._accounts = accounts
        self._throttle = throttle
        self._audit = audit
        self._name_key = name_key
        self._throttled = Once(_THROTTLED_SECONDS)

    def check(self, username: str, password: str, address: str) -> User:
        try:
            self._throttle.admit(username, address)
            user = self._accounts.authenticate(username, password)
        except UnauthenticatedError as error:
            self._refused(username, error.code)
            raise
        except ThrottledError as error:
            # Not each of a flood: the tries that came before it are on record.
            if self._throttled.first(username):
                self._refused(username, error.code)
            raise
        self._throttle.succeeded(username, address)
        self._audit.record(user.home, user.username, "login.accepted", user.username)
        return user

    def _refused(self, username: str, code: str) -> None:
        """In the log of the tenant that the user belongs to, else in the platform's: there by a
        keyed hash, since what is no user's name may be somebody's password."""
        user = self._accounts.users.find(username) if username.isascii() and username else None
        hashed = hashlib.blake2b(username.encode(), key=self._name_key, digest_size=8).hexdigest()
        self._audit.record(
            user.home if user else None,
            user.username if user else "unknown",
            "login.refused",
            user.username if user else f"#{hashed}",
            outcome="refused",
            after={"reason": code},
        )
