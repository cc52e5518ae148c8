"""API keys: `cip_<id>_<secret>`, of which only a digest is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

_FORM: Final = re.compile(r"cip_([0-9a-f]{16})_([0-9a-f]{48})")


def new_key() -> tuple[str, str, str]:
    """(key id, the whole key to show once, its digest to keep)."""
    key_id, secret = secrets.token_hex(8), secrets.token_hex(24)
    return key_id, f"cip_{key_id}_{secret}", digest(secret)


def split(text: str) -> tuple[str, str] | None:
    """(key id, secret), or None where the text has not the form of a key."""
    match = _FORM.fullmatch(text)
    return (match[1], match[2]) if match else None


def digest(secret: str) -> str:
    # The secret holds 192 random bits: a slow hash would add cost and no safety.
    return hashlib.sha256(secret.encode()).hexdigest()


def fits(secret: str, kept: str) -> bool:
    return hmac.compare_digest(digest(secret), kept)
