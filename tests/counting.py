"""Counting the work of a password check, which says more than a clock does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pytest
from argon2 import PasswordHasher

from cip.auth import passwords


@dataclass
class CountedHasher:
    """In the place of the hasher; verifies like it."""

    hasher: PasswordHasher
    verified: int = 0

    @classmethod
    def install(cls, monkeypatch: pytest.MonkeyPatch) -> Self:
        counted = cls(passwords._HASHER)
        monkeypatch.setattr(passwords, "_HASHER", counted)
        return counted

    def verify(self, password_hash: str, password: bytes) -> bool:
        self.verified += 1
        return self.hasher.verify(password_hash, password)
