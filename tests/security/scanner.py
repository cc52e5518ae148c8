"""Looks for strings and numbers in an answer, through every packing that an answer can have."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import re
import struct
import urllib.parse
from collections.abc import Collection, Iterator
from typing import Any, Final

import brotli
import orjson

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_NUMBER: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
_GROUPED: Final = re.compile(r"(?<!\d)\d{1,3}(?:[, \u202f\u00a0]\d{3})+(?:\.\d+)?(?!\d)")
_STRUCT: Final = {
    "f8": "d", "f4": "f", "i8": "q", "u8": "Q", "i4": "i", "u4": "I",
    "i2": "h", "u2": "H", "i1": "b", "u1": "B",
}  # fmt: skip
_DEEPEST: Final = 12


class Scanner:
    """`strings` are looked for as parts of texts, `numbers` as whole numbers."""

    def __init__(self, strings: Collection[str], numbers: Collection[int] = ()) -> None:
        self._strings = tuple(strings)
        self._numbers = {str(number) for number in numbers}

    def found(self, content: bytes, encoding: str = "") -> set[str]:
        """What of it is in the content; `encoding` is that of the header."""
        text = unpacked(content, encoding).decode("utf-8", "replace")
        hits: set[str] = set()
        for view in views(text):
            hits |= self._in(view)
        return hits

    def of_answer(self, answer: Any) -> set[str]:
        """In the body, the status line and every header, cookies included."""
        hits = self.found(answer.data, answer.headers.get("Content-Encoding", ""))
        for name, value in answer.headers.items():
            hits |= self.found(f"{name}: {value}".encode())
        return hits

    def _in(self, text: str) -> set[str]:
        hits = {each for each in self._strings if each in text}
        if self._numbers:
            hits |= self._numbers & set(_digits(text))
        return hits


def unpacked(content: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return bytes(brotli.decompress(content))
    packed = encoding == "gzip" or content[:2] == b"\x1f\x8b"
    return gzip.decompress(content) if packed else content


def views(text: str) -> Iterator[str]:
    """The text as it is, and as each of its packings means it."""
    yield text
    plain = html.unescape(urllib.parse.unquote(text))
    if plain != text:
        yield plain
    yield from _inside(text, 0)


def _inside(text: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if text[:1] in '{["' and (loaded := _json(text)) is not None:
        yield from _of_json(loaded, depth + 1)
        return
    for piece in _BASE64.findall(text):
        yield from _of_base64(piece, depth + 1)


def _of_json(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("bdata"), str) and "dtype" in value:
            yield from map(_shown, typed_array(value))
        for name, inner in value.items():
            yield name
            yield from _of_json(inner, depth)
    elif isinstance(value, list):
        for inner in value:
            yield from _of_json(inner, depth)
    elif isinstance(value, str):
        yield value
        yield from _inside(value, depth)
    elif isinstance(value, (int, float)):
        yield _shown(value)


def _of_base64(piece: str, depth: int) -> Iterator[str]:
    padded = piece.rstrip("=") + "=" * (-len(piece.rstrip("=")) % 4)
    try:
        content = unpacked(
            base64.b64decode(padded, altchars=b"-_" if "-" in piece or "_" in piece else None), ""
        )
        text = content.decode()
    except (binascii.Error, ValueError, OSError, EOFError):
        return
    if text.isprintable():
        yield text
        yield from _inside(text, depth)


def typed_array(value: dict[str, Any]) -> list[float]:
    """The numbers of one of Plotly's base64 arrays."""
    content = base64.b64decode(value["bdata"])
    code = _STRUCT[str(value["dtype"]).lstrip("<")]
    return list(struct.unpack(f"<{len(content) // struct.calcsize(code)}{code}", content))


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _shown(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _digits(text: str) -> Iterator[str]:
    """Every number in the text, with and without its decimals, grouping taken out."""
    for match in (*_NUMBER.findall(text), *_GROUPED.findall(text)):
        whole = re.sub(r"[, \u202f\u00a0]", "", match)
        yield whole.replace(".", "")
        yield whole.partition(".")[0]
