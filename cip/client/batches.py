"""From events to the bodies of requests: each within the platform's limits."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MAX_EVENTS = 1_000
MAX_BYTES = 4 * 1024 * 1024


def with_ids(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copies that have an `event_id` each: by it an event counts once, however often it is sent."""
    return [
        {**event, "event_id": uuid.uuid4().hex} if event.get("event_id") is None else {**event}
        for event in events
    ]


def batches(
    events: Sequence[Mapping[str, Any]], *, max_events: int = MAX_EVENTS
) -> Iterator[tuple[int, bytes]]:
    """(place of its first event, JSON lines): a line that the platform cannot read is rejected by
    its own. An event too large for any request has one of its own."""
    first, parts, size = 0, list[bytes](), 0
    for index, event in enumerate(events):
        part = json.dumps(event, allow_nan=False, separators=(",", ":")).encode()
        if parts and (len(parts) == max_events or size + len(part) + 1 > MAX_BYTES):
            yield first, b"\n".join(parts)
            first, parts, size = index, [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield first, b"\n".join(parts)
