"""Whether a password is one of those that are tried first: common words, years, walks over the
keyboard, repetitions and the owner's own names, in any case and spelling.

A list of so many entries would be long and still miss `Sunshine-2026!`; the rule is the list that
such words make when they are combined as people combine them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from cip.auth.common_words import ROWS, WORDS

# Up to three common words, or two and a year and a sign, are still tried first.
GUESSABLE: Final = 6
_WORD_COST: Final = 2
_SHORTEST: Final = 8  # less is left when a repetition is written once
_SHORTEST_NAME: Final = 3
_WALK: Final = 4
_LEET: Final = {
    "a": "4@", "b": "8", "c": "(", "e": "3", "g": "9", "h": "#", "i": "1!|", "l": "1|", "o": "0",
    "s": "5$", "t": "7+", "z": "2",
}  # fmt: skip
_REPETITION: Final = re.compile(r"(.+?)\1+", re.DOTALL)
_RUN: Final = re.compile(r"(.)\1{2,}|(.{2,4}?)\2{2,}", re.DOTALL)
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
_DAY, _MONTH, _YEAR = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DATE: Final = re.compile(
    f"{_DAY}{_MONTH}{_YEAR}|{_MONTH}{_DAY}{_YEAR}|{_YEAR}{_MONTH}{_DAY}|{_YEAR}|007|123|321"
)


def is_guessable(password: str, names: Sequence[str] = ()) -> bool:
    """`names` are words that stand near this password: the user's, the tenant's."""
    near = {part for name in names for part in _parts(name)}
    patterns = (_common(), _compiled(near)) if near else (_common(),)
    return any(_cost(form, patterns) <= GUESSABLE for form in _forms(_folded(password)))


def _folded(text: str) -> str:
    """Without case, accents and the variants of letters that only look different."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _parts(name: str) -> Iterator[str]:
    """A name whole, joined up, and in its parts: `ann.smith@acme` is `ann`, `smith`, `acme`."""
    folded = _folded(name)
    for part in (folded, _NOT_ALPHANUMERIC.sub("", folded), *_NOT_ALPHANUMERIC.split(folded)):
        if len(part) >= _SHORTEST_NAME:
            yield part


def _forms(text: str) -> set[str]:
    """The text as typed, without the signs between its letters, and with each repetition once."""
    joined = _NOT_ALPHANUMERIC.sub("", text)
    forms = {text, _REPETITION.sub(r"\1", text)}
    # Where signs are most of it, they are the password.
    if 2 * len(joined) >= len(text):
        forms |= {joined, _REPETITION.sub(r"\1", joined)}
    return forms


def _cost(text: str, patterns: Sequence[re.Pattern[str]]) -> int:
    """How much of the text is no piece that a guesser has at hand; each of those counts once."""
    if len(text) < _SHORTEST:
        return 0
    pieces: dict[str, int] = {}
    letters = 0
    at = 0
    while at < len(text):
        piece, cost = _piece(text, at, patterns)
        if cost:
            pieces[piece] = cost
        else:
            letters += 1
        at += len(piece)
    return sum(pieces.values()) + letters


def _piece(text: str, at: int, patterns: Sequence[re.Pattern[str]]) -> tuple[str, int]:
    """The longest piece that begins here and what it costs; a letter of its own costs 0 here."""
    words = (pattern.match(text, at) for pattern in patterns)
    others = (pattern.match(text, at) for pattern in (_DATE, _RUN))
    found = [(match[0], _WORD_COST) for match in words if match]
    found += [(match[0], 1) for match in others if match]
    found.append((text[at : at + _walked(text, at)], 1))
    # Signs at an end or between words add little, and the same one again adds nothing.
    found.append((text[at], 0 if text[at].isalnum() else 1))
    return max(found, key=lambda one: len(one[0]))


@cache
def _walks() -> frozenset[str]:
    """Every four signs that follow each other in a row, either way."""
    rows = [row + row[:_WALK] for row in ROWS]
    both = [*rows, *(row[::-1] for row in rows)]
    return frozenset(row[at : at + _WALK] for row in both for at in range(len(row) - _WALK + 1))


def _walked(text: str, at: int) -> int:
    """How many signs from here on are one walk; 0 for fewer than four."""
    end = at
    while text[end : end + _WALK] in _walks():
        end += 1
    return end - at + _WALK - 1 if end > at else 0


@cache
def _common() -> re.Pattern[str]:
    return _compiled(WORDS)


def _compiled(words: Iterable[str]) -> re.Pattern[str]:
    """One of the words, the longest first, either way, its letters also as what looks like them."""
    known = {*words}
    known |= {word[::-1] for word in known if len(word) >= _WALK}
    longest_first = sorted(known, key=lambda word: (-len(word), word))
    return re.compile("|".join("".join(map(_spellings, word)) for word in longest_first))


def _spellings(letter: str) -> str:
    return f"[{re.escape(letter + _LEET[letter])}]" if letter in _LEET else re.escape(letter)
