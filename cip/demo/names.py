"""Names and e-mail addresses of people who do not exist, from syllables."""

from __future__ import annotations

from typing import Final

_ONSETS: Final = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "tr")
_VOWELS: Final = ("a", "e", "i", "o", "u", "ai", "eo", "ia")
_CODAS: Final = ("", "n", "r", "l", "s", "k", "m", "th")


def fake_name(bits: int) -> str:
    """A given name of two syllables and a family name of three, from a whole number's bits."""
    given, bits = _word(bits, 2)
    family, _ = _word(bits, 3)
    return f"{given} {family}"


def fake_email(name: str, customer: int) -> str:
    """An address at a domain that is reserved for examples."""
    return f"{name.lower().replace(' ', '.')}.{customer}@example.com"


def _word(bits: int, syllables: int) -> tuple[str, int]:
    word = ""
    for _ in range(syllables):
        bits, onset = divmod(bits, len(_ONSETS))
        bits, vowel = divmod(bits, len(_VOWELS))
        word += _ONSETS[onset] + _VOWELS[vowel]
    bits, coda = divmod(bits, len(_CODAS))
    return (word + _CODAS[coda]).capitalize(), bits
