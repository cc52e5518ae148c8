"""Tokens, passwords, keys and the policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from cip.auth import api_keys, passwords, tokens
from cip.auth.policy import KEY_SCOPES, PERMISSIONS
from cip.domain.errors import InvalidInputError, UnauthenticatedError
from cip.domain.permissions import Permission, Role

SECRET = "s" * 40
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
GOOD: dict[str, Any] = {
    "sub": "alice",
    "tenant": "acme",
    "epoch": 3,
    "typ": "access",
    "iss": "cip",
    "aud": "cip",
    "iat": SECONDS,
    "nbf": SECONDS,
    "exp": SECONDS + 900,
    "jti": "1",
}


def sign(claims: dict[str, Any], *, secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def test_a_token_tells_who_and_where() -> None:
    token = tokens.issue_access("alice", "acme", 3, secret=SECRET, now=NOW)
    claims = tokens.read_access(token, secret=SECRET, now=NOW + timedelta(minutes=14))
    assert (claims.subject, claims.tenant, claims.epoch) == ("alice", "acme", 3)
    assert claims.expires_at == NOW + timedelta(minutes=15)
    assert tokens.read_access(sign(GOOD), secret=SECRET, now=NOW).subject == "alice"


@pytest.mark.parametrize("missing", list(GOOD))
def test_every_claim_is_required(missing: str) -> None:
    claims = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(UnauthenticatedError):
        tokens.read_access(sign(claims), secret=SECRET, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "refresh"},
        {"iss": "other"},
        {"aud": "other"},
        {"exp": SECONDS - 31},
        {"nbf": SECONDS + 31},
        {"exp": "tomorrow"},
        {"exp": float(SECONDS + 900) + 0.5},
        {"sub": 5},
        {"tenant": None},
        {"epoch": "3"},
        {"epoch": True},
    ],
)
def test_a_claim_of_another_value_or_kind_is_refused(change: dict[str, Any]) -> None:
    payload = {**GOOD, **change}
    try:
        token = sign(payload)
    except (TypeError, jwt.PyJWTError):
        return  # the library does not even sign it
    with pytest.raises(UnauthenticatedError):
        tokens.read_access(token, secret=SECRET, now=NOW)


def test_another_key_another_algorithm_and_no_algorithm_are_refused() -> None:
    for token in (
        sign(GOOD, secret="x" * 40),
        sign(GOOD, algorithm="HS512", secret="s" * 64),
        jwt.encode(GOOD, None, algorithm="none"),  # type: ignore[arg-type]
        sign(GOOD)[:-2],
        sign(GOOD) + "A",
        "",
        "a.b.c",
    ):
        with pytest.raises(UnauthenticatedError):
            tokens.read_access(token, secret=SECRET, now=NOW)


def test_a_password_fits_itself_alone() -> None:
    kept = passwords.hash_password("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert "m=19456,t=2,p=1" in kept
    assert passwords.verify(kept, "correct horse battery")
    assert not passwords.verify(kept, "correct horse batterz")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("not a hash", "x")


@pytest.mark.parametrize("password", ["short", "x" * 11, "x" * 129])
def test_a_password_has_twelve_to_128_characters(password: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        passwords.check_strength(password)
    assert caught.value.field == "password"


def test_a_key_is_checked_by_its_digest() -> None:
    key_id, text, digest = api_keys.new_key()
    parts = api_keys.split(text)
    assert parts is not None
    assert parts[0] == key_id
    assert api_keys.fits(parts[1], digest)
    assert not api_keys.fits(parts[1][:-1] + "x", digest)
    assert api_keys.split("cip_nonsense") is None


def test_roles_hold_what_the_table_says() -> None:
    viewer, analyst = PERMISSIONS[Role.VIEWER], PERMISSIONS[Role.ANALYST]
    admin, root = PERMISSIONS[Role.ADMIN], PERMISSIONS[Role.SUPER_ADMIN]
    assert viewer == {Permission.ANALYTICS_VIEW}
    assert analyst - viewer == {
        Permission.ANALYTICS_EXPORT,
        Permission.CUSTOMERS_READ,
        Permission.SEGMENTS_MANAGE,
    }
    assert admin - analyst == {
        Permission.CUSTOMERS_EXPORT,
        Permission.CUSTOMERS_ERASE,
        Permission.USERS_MANAGE,
        Permission.KEYS_MANAGE,
        Permission.SETTINGS_MANAGE,
        Permission.AUDIT_VIEW,
        Permission.DEAD_LETTERS_MANAGE,
        Permission.EVENTS_WRITE,
    }
    assert root - admin == {Permission.TENANTS_MANAGE}
    assert not KEY_SCOPES & {Permission.USERS_MANAGE, Permission.KEYS_MANAGE}
