"""JSON of what is nested more deeply than the JSON library writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson


class _Text(NamedTuple):
    """Written already."""

    json: bytes


_COMMA: Final = _Text(b",")


def written(value: object) -> bytes:
    """As orjson would write it: no level of it is a call within a call."""
    parts: list[bytes] = []
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, _Text):
            parts.append(one.json)
        elif isinstance(one, (dict, list)):
            left += reversed(_pieces(one))
        else:
            parts.append(orjson.dumps(one))
    return b"".join(parts)


def _pieces(value: Mapping[str, object] | list[object]) -> list[object]:
    pieces: list[object] = []
    if isinstance(value, list):
        for item in value:
            pieces += (_COMMA, item)
        return [_Text(b"["), *pieces[1:], _Text(b"]")]
    for name, item in value.items():
        pieces += (_COMMA, _Text(orjson.dumps(name) + b":"), item)
    return [_Text(b"{"), *pieces[1:], _Text(b"}")]
