"""Lists of events of which some cannot be read as JSON: the events told apart without reading."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from cip.domain.events import MAX_EVENTS_PER_REQUEST
from cip.services.ingestion import UnreadableLine

_SPACE: Final = b" \t\r\n"
_HEAD: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"events"[ \t\r\n]*:[ \t\r\n]*\[')
_TAIL: Final = re.compile(rb"\][ \t\r\n]*\}[ \t\r\n]*")
_WITHIN: Final = 2  # brackets that are open between two events
_QUOTE: Final = ord('"')


def event(text: bytes) -> object:
    """One event, or what was sent in its place."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return UnreadableLine(text)


def events_apart(text: bytes) -> list[object] | None:
    """The events of `{"events": [...]}`, each read by its own; no more than one beyond the limit.
    None where brackets or quotes do not pair up, so that nobody can say where an event ends."""
    head = _HEAD.match(text)
    found = _cuts(text) if head else None
    if head is None or found is None:
        return None
    cuts, end = found
    if not _TAIL.fullmatch(text, end):
        return None
    bounds = [head.end() - 1, *cuts, end]
    parts = [text[start + 1 : stop].strip(_SPACE) for start, stop in pairwise(bounds)]
    return [event(part) for part in parts] if all(parts) else None


def _cuts(text: bytes) -> tuple[list[int], int] | None:
    """Where the first commas between events are, and where their list ends. All characters in a few
    steps: a body made of brackets costs no more than another."""
    # An escaped quote ends no string. Pairs of backslashes first: they escape nothing behind them.
    codes = np.frombuffer(text.replace(rb"\\", b"__").replace(rb"\"", b"__"), np.uint8)
    quotes = codes == _QUOTE
    inside = np.logical_xor.accumulate(quotes)  # from the opening quote up to the closing one
    if inside[-1] or not _paired(codes[~inside & ~_any_of(codes, _SPACE)]):
        return None
    opened = (_any_of(codes, b"[{") & ~inside).view(np.int8)
    closed = (_any_of(codes, b"]}") & ~inside).view(np.int8)
    depth = np.cumsum(opened - closed, dtype=np.int32)
    entered = int(np.argmax(depth == _WITHIN))
    left = np.flatnonzero(depth[entered:] < _WITHIN)
    if not left.size:
        return None
    end = entered + int(left[0])
    commas = (codes[:end] == ord(",")) & ~inside[:end] & (depth[:end] == _WITHIN)
    return np.flatnonzero(commas)[:MAX_EVENTS_PER_REQUEST].tolist(), end


def _paired(outside: NDArray[np.uint8]) -> bool:
    """Whether no closing quote is followed by a word. Where a quote is missing, what was inside is
    taken for outside from there on, and one is."""
    after = outside[1:][outside[:-1] == _QUOTE]
    return bool(_any_of(after, b',:]}"').all())


def _any_of(codes: NDArray[np.uint8], wanted: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(wanted)] = True
    found: NDArray[np.bool_] = table[codes]
    return found
