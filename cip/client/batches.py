"""From events to the bodies of requests: each within the platform's limits."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MAX_EVENTS = 1_000
MAX_BYTES = 4 * 1024 * 1024
_HEAD, _TAIL = b'{"events":[', b"]}"


def with_ids(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copies that have an `event_id` each: by it an event counts once, however often it is sent."""
    return [{"event_id": uuid.uuid4().hex, **event} for event in events]


def batches(
    events: Sequence[Mapping[str, Any]], *, max_events: int = MAX_EVENTS
) -> Iterator[tuple[int, bytes]]:
    """(place of its first event, body). An event too large for any request has one of its own."""
    first, parts, size = 0, list[bytes](), len(_HEAD) + len(_TAIL)
    for index, event in enumerate(events):
        part = json.dumps(event, allow_nan=False, separators=(",", ":")).encode()
        if parts and (len(parts) == max_events or size + len(part) + 1 > MAX_BYTES):
            yield first, _body(parts)
            first, parts, size = index, [], len(_HEAD) + len(_TAIL)
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield first, _body(parts)


def _body(parts: Sequence[bytes]) -> bytes:
    return _HEAD + b",".join(parts) + _TAIL
