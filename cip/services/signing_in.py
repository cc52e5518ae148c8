"""Checks of a user name and a password: throttled, the same for everybody, and on record."""

from __future__ import annotations

from typing import Final

from cip.auth import passwords
from cip.domain.errors import ThrottledError, UnauthenticatedError
from cip.domain.users import User
from cip.services.accounts import AccountService
from cip.services.refusals import Refusals
from cip.store.throttle import LoginThrottle

_REFUSED: Final = "login.refused"


class SignInService:
    """Raises `ThrottledError`, `UnauthenticatedError`; `UnavailableError` without Redis."""

    def __init__(
        self, accounts: AccountService, throttle: LoginThrottle, refusals: Refusals
    ) -> None:
        self._accounts = accounts
        self._throttle = throttle
        self._refusals = refusals

    def check(self, username: str, password: str, address: str) -> User:
        """The user. That they came in is recorded by whoever lets them in."""
        try:
            self._throttle.admit(username, address)
            user = self._accounts.authenticate(username, password)
        except UnauthenticatedError as error:
            self._refusals.record(_REFUSED, username, error.code)
            raise
        except ThrottledError as error:
            self._refusals.record_flood(_REFUSED, username, error.code, address)
            raise
        self._throttle.succeeded(username, address)
        return self._rehashed(user, password)

    def _rehashed(self, user: User, password: str) -> User:
        """With a hash of today's cost, where the one that is kept is of an earlier one."""
        if not passwords.needs_rehash(user.password_hash):
            return user
        hashed = passwords.hash_password(password)

        def update(now: User) -> User:
            same = now.password_hash == user.password_hash
            return now.model_copy(update={"password_hash": hashed}) if same else now

        return self._accounts.users.change(user.username, update)[1]
