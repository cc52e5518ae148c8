"""What belongs to the request that is being served: its id and its principal."""

from __future__ import annotations

import re
import secrets
from typing import Final

import flask

from cip.domain.audit import Origin, Source
from cip.domain.errors import UnauthenticatedError
from cip.domain.principals import Principal

# Where a browser posts every callback.
UPDATE: Final = "/_dash-update-component"
# Where the WSGI environment holds the request's id.
REQUEST_ID: Final = "cip.request_id"
# Where it holds who asks, and for what.
PRINCIPAL: Final = "cip.principal"
TARGET: Final = "cip.target"
# What the answer does with the identity's cookies: a session to set, or one of these.
COOKIES: Final = "cip_cookies"
RENEW: Final = "renew"
CLEAR: Final = "clear"
_GIVEN: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


def chosen_request_id(given: str) -> str:
    """The caller's `X-Request-ID` where it is harmless, else one of ours."""
    return given if _GIVEN.fullmatch(given) else f"req_{secrets.token_hex(8)}"


def request_id() -> str:
    """Of the request that is being served (the headers' layer chose it), empty outside of one."""
    return str(flask.request.environ[REQUEST_ID]) if flask.has_request_context() else ""


def origin() -> Origin:
    """Of the request that is being served, for the audit log."""
    if not flask.has_request_context():
        return Origin(source="system")
    request = flask.request
    source: Source = "api" if request.path.startswith("/api/") else "web"
    return Origin(source=source, address=request.remote_addr or "", request_id=request_id())


def renew_access() -> None:
    """The answer to this request brings a token for what the session says now."""
    setattr(flask.g, COOKIES, RENEW)


def asked_by(principal: Principal, target: str) -> None:
    """Who asks, and for which callback or endpoint: for the logs, before anything is allowed."""
    flask.request.environ[PRINCIPAL] = principal
    flask.request.environ[TARGET] = target


def asking() -> tuple[Principal | None, str]:
    """Whoever asks, let in or not, and for what."""
    environ = flask.request.environ
    return environ.get(PRINCIPAL), environ.get(TARGET, "") or flask.request.path


def set_principal(principal: Principal) -> None:
    """Lets the principal in."""
    flask.g.principal = principal
    flask.request.environ[PRINCIPAL] = principal


def principal() -> Principal:
    """Whom the guard has verified; raises `UnauthenticatedError` where it has not."""
    found = flask.g.get("principal")
    if not isinstance(found, Principal):
        raise UnauthenticatedError("Sign in first.")
    return found
