"""Access tokens: JWT with one pinned algorithm and every claim required."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from cip.domain.errors import UnauthenticatedError
from cip.domain.events import instant, microseconds

ALGORITHM: Final = "HS256"
ISSUER: Final = "cip"
AUDIENCE: Final = "cip"
ACCESS_LIFE: Final = timedelta(minutes=15)
_LEEWAY_SECONDS: Final = 30
_REQUIRED: Final = ("exp", "nbf", "iat", "iss", "aud", "jti", "sub", "tenant", "typ")


@dataclass(frozen=True, slots=True)
class Claims:
    subject: str
    tenant: str
    epoch: int
    expires_at: datetime


def issue_access(subject: str, tenant: str, epoch: int, *, secret: str, now: datetime) -> str:
    """A signed access token of 15 minutes. `epoch` is the user's, so that a change ends it."""
    issued = microseconds(now) // 1_000_000
    claims = {
        "sub": subject,
        "tenant": tenant,
        "epoch": epoch,
        "typ": "access",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(ACCESS_LIFE.total_seconds()),
        "jti": secrets.token_hex(16),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read_access(token: str, *, secret: str, now: datetime) -> Claims:
    """Raises `UnauthenticatedError` unless signature, claims, kind and time all hold."""
    refused = UnauthenticatedError("The access token is not valid.")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # Times are checked below against the clock that was handed in.
            options={
                "require": list(_REQUIRED),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.PyJWTError as error:
        raise refused from error
    seconds = microseconds(now) // 1_000_000
    texts = (claims["sub"], claims["tenant"], claims["typ"], claims["jti"])
    numbers = (claims["exp"], claims["nbf"], claims["iat"], claims.get("epoch"))
    if not all(isinstance(text, str) for text in texts) or claims["typ"] != "access":
        raise refused
    if not all(type(number) is int for number in numbers):
        raise refused
    if claims["exp"] + _LEEWAY_SECONDS <= seconds or claims["nbf"] - _LEEWAY_SECONDS > seconds:
        raise refused
    return Claims(
        subject=claims["sub"],
        tenant=claims["tenant"],
        epoch=claims["epoch"],
        expires_at=instant(claims["exp"] * 1_000_000),
    )
