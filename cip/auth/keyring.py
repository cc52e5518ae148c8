"""The keys that are derived from the platform's secret, and from the one before it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_KEY_ID_LABEL: Final = b"cip key id\n"
_KEY_ID_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class KeyRing:
    """`current` signs; what `previous` signed is still accepted while a secret is replaced.

    Each purpose has a key of its own, so that what one part of the platform signs means nothing
    to another.
    """

    current: str = field(repr=False)
    previous: str = field(default="", repr=False)

    def signing(self, purpose: str) -> tuple[str, bytes]:
        """The id of the current secret, and its key of 32 bytes for this purpose."""
        return _key_id(self.current), _derived(self.current, purpose)

    def verifying(self, purpose: str) -> Mapping[str, bytes]:
        """Key id → key, of every secret that is still accepted."""
        secrets = filter(None, (self.current, self.previous))
        return {_key_id(secret): _derived(secret, purpose) for secret in secrets}


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), b"cip\n" + purpose.encode(), "sha256")


def _key_id(secret: str) -> str:
    return hashlib.sha256(_KEY_ID_LABEL + secret.encode()).hexdigest()[:_KEY_ID_DIGITS]
