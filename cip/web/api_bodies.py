"""What a request to the API carries: its body unpacked within bounds, as JSON or as JSON lines."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any, Final

import flask
import orjson

from cip.domain.errors import InvalidInputError, TooLargeError, UnsupportedError
from cip.domain.events import MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from cip.services.insights import MAX_WAIT_SECONDS
from cip.web.event_lists import event, events_apart
from cip.web.reading import TOO_LARGE

JSON_LINES: Final = ("application/x-ndjson", "application/jsonl")
# A stream of gzip may have several members. Each costs a copy of what follows it.
MAX_GZIP_MEMBERS: Final = 64
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def raw_events() -> Sequence[object]:
    """`{"events": [...]}`, or JSON lines. An event that is not JSON is told of by its own."""
    text = body()
    if flask.request.mimetype in JSON_LINES:
        lines = [line for line in text.split(b"\n") if line.strip()]
        # One too many is enough to be refused by.
        return [event(line) for line in lines[: MAX_EVENTS_PER_REQUEST + 1]]
    try:
        given = json_object(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        if (apart := events_apart(text)) is None:
            raise _not_json() from error
        return apart
    only(given, {"events"})
    events = given.get("events")
    if not isinstance(events, list):
        raise InvalidInputError("A list of events.", field="events")
    return events


def body() -> bytes:
    """The whole body, unpacked; raises `TooLargeError` before more than the limit is held."""
    encoding = flask.request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise UnsupportedError("A body is sent as it is or packed by gzip.")
    text = flask.request.get_data()
    return _unpacked(text) if encoding.endswith("gzip") else text


def _unpacked(packed: bytes) -> bytes:
    parts: list[bytes] = []
    room = MAX_REQUEST_BYTES
    for _ in range(MAX_GZIP_MEMBERS):
        part, packed = _member(packed, room)
        parts.append(part)
        room -= len(part)
        if not packed:
            return b"".join(parts)
    raise _bad_gzip(f"has more than {MAX_GZIP_MEMBERS} members")


def _member(packed: bytes, room: int) -> tuple[bytes, bytes]:
    """One member of at most `room` bytes, and what follows it."""
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        part = stream.decompress(packed, room + 1)
    except zlib.error as error:
        raise _bad_gzip("is damaged, or none") from error
    if len(part) > room:
        raise TooLargeError(TOO_LARGE)
    if not stream.eof:
        raise _bad_gzip("ends too early")
    return part, stream.unused_data


def _bad_gzip(what: str) -> InvalidInputError:
    return InvalidInputError(f"The gzip stream {what}.", code="bad_gzip")


def json_body() -> object:
    return parsed(body())


def parsed(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_json() from error


def _not_json() -> InvalidInputError:
    return InvalidInputError("The body is not JSON.", code="not_json")


def json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInputError("The body is a JSON object.")
    return value


def only(given: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise InvalidInputError("Unknown field.", code="unknown_field", field=unknown[0][:64])


def string(given: dict[str, Any], name: str, longest: int = 256) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise InvalidInputError(f"A string of 1 to {longest} characters.", field=name)
    return value


def wait_seconds() -> float:
    """The parameter `wait` of the address."""
    text = flask.request.args.get("wait", "0")
    try:
        wait = float(text)
    except ValueError:
        wait = math.nan
    if not 0 <= wait <= MAX_WAIT_SECONDS:
        raise InvalidInputError("Seconds from 0 to 30.", field="wait")
    return wait
