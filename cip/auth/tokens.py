"""Access and refresh tokens: JWT with one pinned algorithm and every claim required."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import jwt

from cip.domain.errors import UnauthenticatedError
from cip.domain.events import instant, microseconds

Kind = Literal["access", "refresh"]

ALGORITHM: Final = "HS256"
ISSUER: Final = "cip"
AUDIENCE: Final = "cip"
ACCESS_LIFE: Final = timedelta(minutes=15)
REFRESH_LIFE: Final = timedelta(days=7)
LEEWAY: Final = timedelta(seconds=30)
_HEADERS: Final = frozenset({"alg", "typ", "kid"})
_TEXTS: Final = ("sub", "tenant", "role", "typ", "jti", "sid", "iss", "aud")
_NUMBERS: Final = ("exp", "nbf", "iat", "user_epoch", "tenant_epoch")
_LONGEST: Final = 4_096
# Three parts, no padding: a token has one spelling.
_FORM: Final = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]{43}")
# Above every instant and every epoch, and still exact in a number of any language.
_HIGHEST: Final = 2**53


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. The epochs are those of user and tenant when it was issued; `session` is
    the browser session, or the family of API tokens, that it belongs to."""

    subject: str
    tenant: str
    role: str
    user_epoch: int
    tenant_epoch: int
    session: str
    token_id: str
    expires_at: datetime


def new_id() -> str:
    return secrets.token_hex(16)


def issue(claims: Claims, kind: Kind, *, key: tuple[str, bytes], now: datetime) -> str:
    """A signed token. `key`: its id and its bytes."""
    issued = _seconds(now)
    body = {
        "sub": claims.subject,
        "tenant": claims.tenant,
        "role": claims.role,
        "user_epoch": claims.user_epoch,
        "tenant_epoch": claims.tenant_epoch,
        "sid": claims.session,
        "typ": kind,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued,
        "nbf": issued,
        "exp": _seconds(claims.expires_at),
        "jti": claims.token_id,
    }
    return jwt.encode(body, key[1], algorithm=ALGORITHM, headers={"kid": key[0]})


def read(token: str, kind: Kind, *, keys: Mapping[str, bytes], now: datetime) -> Claims:
    """Raises `UnauthenticatedError` unless header, signature, claims, kind and times all hold.
    `keys`: the keys that may have signed it, by id."""
    claims = _verified(token, keys)
    if not (
        # One audience, not a list of them; `bool` is an `int` to Python and none to us.
        all(type(claims[name]) is str and claims[name] for name in _TEXTS)
        and all(type(claims[name]) is int and 0 <= claims[name] < _HIGHEST for name in _NUMBERS)
        and claims["typ"] == kind
    ):
        raise _refused()
    seconds, leeway = _seconds(now), int(LEEWAY.total_seconds())
    # A token from the future was made by nobody; one second of rounding is no leeway.
    in_time = claims["exp"] + leeway > seconds >= max(claims["nbf"], claims["iat"]) - leeway
    if not in_time or claims["exp"] > _LAST_SECOND:
        raise _refused()
    return Claims(
        subject=claims["sub"],
        tenant=claims["tenant"],
        role=claims["role"],
        user_epoch=claims["user_epoch"],
        tenant_epoch=claims["tenant_epoch"],
        session=claims["sid"],
        token_id=claims["jti"],
        expires_at=instant(claims["exp"] * 1_000_000),
    )


def _verified(token: str, keys: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        if len(token) > _LONGEST or not _FORM.fullmatch(token):
            raise _refused()
        header = jwt.get_unverified_header(token)
        # Nothing in the header leads anywhere: the key comes from our own table.
        key = keys.get(str(header.get("kid")))
        if key is None or not header.keys() <= _HEADERS:
            raise _refused()
        body: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # Times are checked against the clock that was handed in.
            options={
                "require": [*_TEXTS, *_NUMBERS],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, UnicodeError) as error:
        raise _refused() from error
    return body


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError("The token is not valid.")


def _seconds(at: datetime) -> int:
    return microseconds(at) // 1_000_000


_LAST_SECOND: Final = 253_402_300_799  # the last of year 9999
