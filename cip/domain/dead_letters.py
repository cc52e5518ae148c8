"""Dead letters: events that were not taken, kept whole with the reason until somebody decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import orjson

from cip.domain.errors import InvalidInputError
from cip.domain.events import instant

# stream: accepted, but no consumer can read it. api: rejected when it was sent.
Source = Literal["stream", "api"]
SOURCES: Final[tuple[Source, ...]] = ("stream", "api")
MAX_PAYLOAD_BYTES: Final = 64 * 1024
MAX_EDITABLE_CHARACTERS: Final = 4 * MAX_PAYLOAD_BYTES
MAX_API_LETTERS: Final = 10_000
MAX_API_BYTES: Final = 64 * 1024 * 1024
_IN_STREAM: Final = (
    "event_id",
    "customer_id",
    "type",
    "occurred_at",
    "channel",
    "properties",
    "received_at",
)


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """What the API refused: the JSON as it was sent, and why."""

    payload: bytes
    code: str
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Letters of one source that fail alike. `field` is empty where no field is at fault."""

    source: Source
    code: str
    field: str

    @property
    def key(self) -> str:
        """Names the reason in a page and on the command line."""
        return f"{self.source}:{self.code}:{self.field}"


def reason_of(key: str) -> Reason:
    source, _, rest = key.partition(":")
    code, colon, field = rest.partition(":")
    for known in SOURCES:
        if source == known and code and colon:
            return Reason(known, code, field)
    raise InvalidInputError("A reason is SOURCE:CODE:FIELD.", field="reason")


@dataclass(frozen=True, slots=True)
class Letter:
    """`id` is its own, `stream_id` that of the entry that could not be read (empty for `api`)."""

    id: str
    reason: Reason
    stream_id: str
    message: str
    payload: bytes
    truncated: bool

    @property
    def at(self) -> datetime:
        """When it was written, by the store's clock."""
        return instant(int(self.id.partition("-")[0]) * 1_000)

    @property
    def event(self) -> dict[str, Any] | None:
        """The event as a JSON object, as far as it can be read."""
        return readable(self.payload)

    @property
    def event_id(self) -> str | None:
        return self._text("event_id")

    @property
    def type(self) -> str | None:
        return self._text("type")

    def _text(self, name: str) -> str | None:
        value = (self.event or {}).get(name)
        return value if isinstance(value, str) and value else None

    @property
    def editable(self) -> str:
        """What an editor begins with: the event's JSON, or the payload as it is. It may be sent
        back as it stands: indenting what is nested may take a hundred times the room."""
        event = self.event
        for option in (orjson.OPT_INDENT_2, 0):
            text = _text(event, option) if event else ""
            if 0 < len(text) <= MAX_EDITABLE_CHARACTERS:
                return text
        return self.payload.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Heap:
    """How many letters there are of each reason; `not_kept`: rejections beyond the limits."""

    reasons: Mapping[Reason, int]
    not_kept: int

    @property
    def letters(self) -> int:
        return sum(self.reasons.values())


def _text(event: Mapping[str, Any], option: int) -> str:
    try:
        return orjson.dumps(event, option=option).decode()
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return ""


def readable(payload: bytes) -> dict[str, Any] | None:
    """An object as it is; the list that stands in the stream as the object it was sent as."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if isinstance(found, dict):
        return found
    if not isinstance(found, list) or len(found) != len(_IN_STREAM):
        return None
    event = dict(zip(_IN_STREAM, found, strict=True))
    del event["received_at"]  # a replay is received anew
    event["occurred_at"] = _iso(event["occurred_at"])
    return event


def _iso(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    try:
        return instant(value).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return value
