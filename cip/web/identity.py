"""Who sends this request: a signed-in browser, a bearer token or an API key."""

from __future__ import annotations

from typing import Final

import flask
from flask_login import LoginManager, UserMixin, current_user, login_user

from cip.auth import tokens
from cip.domain.errors import UnauthenticatedError
from cip.domain.principals import Principal
from cip.services import Services
from cip.store.connector import RecentValues

USER_SECONDS: Final = 0.5
_SEPARATOR: Final = "\n"


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user. Its id holds the tenant and the user's epoch, so that a disabled user,
    a changed role or a changed password ends it."""

    def __init__(self, principal: Principal, epoch: int) -> None:
        self.principal = principal
        self.epoch = epoch

    def get_id(self) -> str:
        parts = (self.principal.subject, self.principal.tenant, str(self.epoch))
        return _SEPARATOR.join(parts)


class _Logins(LoginManager):  # type: ignore[misc]
    """Without Flask-Login's session protection and its cookie to be remembered by, which are off:
    on each request it does their work before it looks whether anyone wants them."""

    def _session_protection_failed(self) -> bool:
        return False

    def _update_remember_cookie(self, response: flask.Response) -> flask.Response:
        return response


class Identity:
    """Raises `UnavailableError` when Redis is away: identity fails closed."""

    def __init__(self, services: Services, secret: str) -> None:
        self._accounts = services.accounts
        self._clock = services.resources.clock
        self._secret = secret
        # What a worker knows of (user, tenant, epoch) is at most this old.
        self._current = RecentValues(USER_SECONDS)

    def install(self, server: flask.Flask) -> None:
        # Nor `current_user` in each template: an error page must not need Redis.
        manager = _Logins(server, add_context_processor=False)
        manager.session_protection = None
        manager.user_loader(self._from_session)

    def sign_in(self, username: str, password: str) -> None:
        """Opens a browser session; raises `UnauthenticatedError`."""
        principal = self._accounts.sign_in(username, password)
        user = self._accounts.users.find(username)
        if user is None:
            raise UnauthenticatedError("The user name or the password is not right.")
        flask.session.clear()
        flask.session.permanent = True
        login_user(SignedIn(principal, user.epoch))

    def access_token(
        self, username: str, password: str, tenant: str | None
    ) -> tuple[str, Principal]:
        principal = self._accounts.sign_in(username, password, tenant)
        user = self._accounts.users.find(username)
        token = tokens.issue_access(
            principal.subject,
            principal.tenant,
            user.epoch if user else -1,
            secret=self._secret,
            now=self._clock(),
        )
        return token, principal

    def browser(self) -> Principal | None:
        """The principal of the session cookie, None without one."""
        principal: Principal | None = getattr(current_user, "principal", None)
        return principal

    def program(self) -> Principal | None:
        """The principal of a bearer token or an API key; None where neither was sent."""
        if key := flask.request.headers.get("X-API-Key"):
            return self._accounts.principal_of_key(key)
        kind, _, token = flask.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        claims = tokens.read_access(token.strip(), secret=self._secret, now=self._clock())
        who = (claims.subject, claims.tenant, claims.epoch)
        principal = self._current.get(who, lambda: self._find(*who))
        if principal is None:
            raise UnauthenticatedError("The access token is not valid any more.")
        return principal

    def _from_session(self, user_id: str) -> SignedIn | None:
        parts = user_id.split(_SEPARATOR)
        if len(parts) != 3 or not parts[2].isdigit():
            return None
        who = (parts[0], parts[1], int(parts[2]))
        principal = self._current.get(who, lambda: self._find(*who))
        return None if principal is None else SignedIn(principal, who[2])

    def _find(self, username: str, tenant: str, epoch: int) -> Principal | None:
        user = self._accounts.users.find(username)
        if user is None or user.disabled or user.epoch != epoch:
            return None
        try:
            return self._accounts.principal(user, tenant)
        except UnauthenticatedError:
            return None
