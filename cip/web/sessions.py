"""Flask's signed session cookie, whose signature is checked once a worker instead of each time."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer

MAX_KEPT: Final = 4_096


class KeptSessions(SecureCookieSessionInterface):
    """For one application. A cookie that was verified stays so until it expires: signature and
    content follow from its bytes. Who the user still is, the identity asks on each request."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._serializer: URLSafeTimedSerializer | None = None
        self._verified: OrderedDict[bytes, tuple[float, dict[str, Any]]] = OrderedDict()
        self._lock = Lock()

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        cookie = request.cookies.get(self.get_cookie_name(app))
        serializer = self.get_signing_serializer(app)
        if not cookie or serializer is None:
            return super().open_session(app, request)
        name = hashlib.blake2b(cookie.encode(), digest_size=32).digest()
        content = self._kept(name)
        if content is None:
            content = self._verify(app, serializer, cookie, name)
        return self.session_class(content)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Only what changed is written; no answer behind a session is ever cached, so that none
        has to vary by cookie."""
        if session.modified:
            super().save_session(app, session, response)

    def _kept(self, name: bytes) -> dict[str, Any] | None:
        found = self._verified.get(name)
        if found is None or found[0] < self._clock():
            return None
        return dict(found[1])

    def _verify(
        self, app: Flask, serializer: URLSafeTimedSerializer, cookie: str, name: bytes
    ) -> dict[str, Any]:
        life = int(app.permanent_session_lifetime.total_seconds())
        try:
            loaded, signed_at = serializer.loads(cookie, max_age=life, return_timestamp=True)
        except BadSignature:
            return {}
        content: dict[str, Any] = loaded
        # A list inside could be changed in place by the request that got it.
        if all(isinstance(value, (str, int, float)) for value in content.values()):
            with self._lock:
                self._verified[name] = (signed_at.timestamp() + life, dict(content))
                while len(self._verified) > MAX_KEPT:
                    self._verified.popitem(last=False)
        return content
