"""Who sends this request: a signed-in browser, a bearer token or an API key."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import Final

import flask
from flask.sessions import SessionInterface
from flask_login import LoginManager, UserMixin, current_user

from cip.auth import opaque
from cip.auth.keyring import KeyRing
from cip.auth.tokens import ACCESS_LIFE
from cip.domain.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from cip.domain.principals import Principal
from cip.domain.sessions import REMEMBERED
from cip.services import Services
from cip.services.sessions import Resumed
from cip.web.requests import CLEAR, COOKIES, RENEW

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf_token"
_PURPOSE: Final = "csrf"


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: the principal that the token means."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    def get_id(self) -> str:
        return self.principal.subject


class _Logins(LoginManager):  # type: ignore[misc]
    """Without Flask-Login's session, its protection and its cookie to be remembered by, which are
    off: on each request it does their work before it looks whether anyone wants them."""

    def _load_user(self) -> None:
        self._update_request_context_with_user(self._load_user_from_request(flask.request))

    def _session_protection_failed(self) -> bool:
        return False

    def _update_remember_cookie(self, response: flask.Response) -> flask.Response:
        return response


class NoSessions(SessionInterface):
    """Flask keeps nothing in a cookie: a browser's session is in Redis."""

    def open_session(self, app: flask.Flask, request: flask.Request) -> None:  # noqa: ARG002
        return None


class Identity:
    """Three cookies: the session's secret; an access token, issued again while the session lives;
    and what proves that a page of ours sends the request, which scripts may read.

    Raises `UnavailableError` when Redis is away: identity fails closed."""

    def __init__(self, services: Services, keys: KeyRing, *, secure: bool) -> None:
        self._services = services
        self._key = keys.signing(_PURPOSE)[1]
        verifying = tuple(keys.verifying(_PURPOSE).values())
        # One session's proofs are asked for with every request of its.
        self._proofs = lru_cache(maxsize=4_096)(
            lambda session: tuple(opaque.csrf_token(session, key) for key in verifying)
        )
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self._session_cookie = f"{prefix}cip_session"
        self._access_cookie = f"{prefix}cip_access"
        self.csrf_cookie = f"{prefix}cip_csrf"

    def install(self, server: flask.Flask) -> None:
        # Nor `current_user` in each template: an error page must not need Redis.
        manager = _Logins(server, add_context_processor=False)
        manager.session_protection = None
        manager.request_loader(self._load)
        server.session_interface = NoSessions()
        server.after_request(self._write_cookies)

    def browser(self) -> Principal | None:
        """The principal of the cookies, None without them or when the session has ended."""
        principal: Principal | None = getattr(current_user, "principal", None)
        return principal

    def program(self) -> Principal | None:
        """The principal of a bearer token or an API key; None where neither was sent."""
        if key := flask.request.headers.get("X-API-Key"):
            return self._services.credentials.of_key(key)
        kind, _, token = flask.request.headers.get("Authorization", "").partition(" ")
        return (
            self._services.credentials.of_access(token.strip())
            if kind.lower() == "bearer"
            else None
        )

    def sign_in(self, username: str, password: str, *, remember: bool) -> None:
        """Opens a session of its own; one that the browser had ends. Raises as the service."""
        request = flask.request
        address = request.remote_addr or ""
        user = self._services.signing_in.check(username, password, address)
        if before := self._resume():
            self._services.sessions.sign_out(before.principal)
        secret, resumed = self._services.sessions.open(
            user, remember=remember, address=address, agent=request.user_agent.string
        )
        setattr(flask.g, COOKIES, (secret, resumed))

    def sign_out(self) -> None:
        """Ends the session on every worker within a second, and takes the cookies away."""
        if who := self.browser():
            self._services.sessions.sign_out(who)
        # Where the access cookie had run out, this very request has made a new one.
        setattr(flask.g, COOKIES, CLEAR)

    def require_csrf(self, who: Principal) -> None:
        """Raises `ForbiddenError` unless a page of this very session sent the request."""
        request = flask.request
        given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
        if not any(opaque.same(given, proof) for proof in self._proofs(who.session)):
            raise ForbiddenError("This request did not come from the page. Reload it.", code="csrf")

    def _load(self, request: flask.Request) -> SignedIn | None:
        if token := request.cookies.get(self._access_cookie):
            with suppress(UnauthenticatedError):
                return SignedIn(self._services.credentials.of_access(token))
        resumed = self._resume()
        if resumed is None:
            if self._session_cookie in request.cookies:
                setattr(flask.g, COOKIES, CLEAR)
            return None
        setattr(flask.g, COOKIES, (None, resumed))
        return SignedIn(resumed.principal)

    def _resume(self) -> Resumed | None:
        secret = flask.request.cookies.get(self._session_cookie)
        return self._services.sessions.resume(secret) if secret else None

    def _write_cookies(self, response: flask.Response) -> flask.Response:
        pending = flask.g.get(COOKIES)
        if pending is None:
            return response
        if pending == RENEW:
            resumed = self._resume()
            pending = (None, resumed) if resumed else CLEAR
        if pending != CLEAR:
            self._set_cookies(response, *pending)
        else:
            for name in (self._session_cookie, self._access_cookie, self.csrf_cookie):
                response.delete_cookie(name, secure=self._secure, samesite="Lax")
        return response

    def _set_cookies(self, response: flask.Response, secret: str | None, resumed: Resumed) -> None:
        life = REMEMBERED if resumed.session.remember else None
        if secret is not None:
            self._set(response, self._session_cookie, secret, life)
        self._set(response, self._access_cookie, resumed.token, ACCESS_LIFE)
        proof = opaque.csrf_token(resumed.session.id, self._key)
        self._set(response, self.csrf_cookie, proof, life, readable=True)

    def _set(
        self,
        response: flask.Response,
        name: str,
        value: str,
        life: timedelta | None,
        *,
        readable: bool = False,
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=life,
            secure=self._secure,
            httponly=not readable,
            samesite="Lax",
        )


def activity(services: Services, who: Principal) -> None:
    """A person did something: their session goes on. Not knowing it for once ends nothing."""
    with suppress(UnavailableError):
        services.sessions.active(who.session)
