"""Values that only their holder knows: made at random, kept as digests."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new() -> str:
    """256 random bits, safe in a cookie and in an address's fragment."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> str:
    # So many random bits need no slow hash.
    return hashlib.sha256(value.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """In a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def csrf_token(session: str, key: bytes) -> str:
    """What a page of this session sends along with every change. Another site cannot read it."""
    return hmac.new(key, session.encode(), hashlib.sha256).hexdigest()
