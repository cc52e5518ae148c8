"""Passwords: which are taken, and their argon2id hashes (at least 19 MiB, two passes, one lane).

A password is hashed in Unicode's form NFKC, so that it fits however a keyboard composes it; spaces,
case and every letter stay as they are, and nothing is cut off.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cip.auth.guessable import is_guessable
from cip.domain.errors import InvalidInputError

MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 128
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A hash costs memory and time on purpose: a flood of logins must not take every thread with it.
_SLOTS: Final = threading.BoundedSemaphore(2)
# Verified when there is no such user, so that the answer takes as long as for one who exists.
_NOBODY: Final = _HASHER.hash("nobody has this password")
# Composing shortens a text to a quarter at most: what is longer than this is too long anyway.
_MAX_TYPED: Final = 4 * MAX_CHARACTERS


def check_strength(password: str, *, username: str = "", names: Sequence[str] = ()) -> None:
    """Raises `InvalidInputError` for a password of the wrong length, or one that is tried first:
    a common one, or one made of the user's name or the `names` around (tenants, the person)."""
    length = len(_normal(password))
    if len(password) > _MAX_TYPED or not MIN_CHARACTERS <= length <= MAX_CHARACTERS:
        raise InvalidInputError(
            f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.", field="password"
        )
    if is_guessable(password, [username, *names]):
        raise InvalidInputError(
            "This password is easy to guess: common words, names, years, rows of keys or "
            "repetitions make up most of it. Four unrelated words are a good one.",
            field="password",
        )


def hash_password(password: str) -> str:
    with _SLOTS:
        return _HASHER.hash(_bytes(_normal(password)))


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; without a hash (None, empty) it does not, after the same time."""
    forms = _forms(password)
    kept = password_hash if forms else ""
    fits = any(_fits(kept or _NOBODY, form) for form in forms or [""])
    return fits and bool(kept)


def needs_rehash(password_hash: str) -> bool:
    """Whether it was made with other parameters than today's: to ask after a good sign-in."""
    try:
        return _HASHER.check_needs_rehash(password_hash)
    except InvalidHashError:
        return True


def _forms(password: str) -> list[str]:
    """What may have been hashed: the normal form, and as typed, which earlier hashes are of.

    Which there are depends on what was typed alone, never on whose password it is.
    """
    if len(password) > _MAX_TYPED:
        return []
    return list(dict.fromkeys((_normal(password), password)))


def _fits(password_hash: str, form: str) -> bool:
    try:
        with _SLOTS:
            return _HASHER.verify(password_hash, _bytes(form))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    # Its expansion is bounded: one character becomes 18 at most.
    return unicodedata.normalize("NFKC", password[: _MAX_TYPED + 1])


def _bytes(text: str) -> bytes:
    # Half a surrogate pair, which JSON can spell, has no UTF-8.
    return text.encode("utf-8", "surrogatepass")
