"""Password hashes: argon2id with at least 19 MiB, two passes, one lane."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cip.domain.errors import InvalidInputError

MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 128
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A hash costs memory and time on purpose: a flood of logins must not take every thread with it.
_SLOTS: Final = threading.BoundedSemaphore(2)
# Verified when there is no such user, so that the answer takes as long as for one who exists.
_NOBODY: Final = _HASHER.hash("nobody has this password")


def check_strength(password: str) -> None:
    """Raises `InvalidInputError` for a password that is too short or too long."""
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise InvalidInputError(
            f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.", field="password"
        )


def hash_password(password: str) -> str:
    with _SLOTS:
        return _HASHER.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; None stands for an unknown user and takes the same time."""
    try:
        with _SLOTS:
            fits = _HASHER.verify(password_hash or _NOBODY, password[:MAX_CHARACTERS])
    except (VerificationError, InvalidHashError):
        return False
    return fits and password_hash is not None
