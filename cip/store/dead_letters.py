"""One tenant's dead letters: written once, listed by reason, replayed or discarded once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from cip import failpoints
from cip.domain.audit import bounded
from cip.domain.dead_letters import (
    MAX_API_BYTES,
    MAX_API_LETTERS,
    MAX_PAYLOAD_BYTES,
    Heap,
    Letter,
    Reason,
    RejectedEvent,
    Source,
)
from cip.domain.errors import CipError
from cip.domain.events import Event
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.scripts import script
from cip.store.streams import Entry, TombstonesChangedError, digest, encode

_SEP: Final = "\x1f"
_ID: Final = re.compile(r"[0-9]{1,15}-[0-9]{1,10}")
CHUNK: Final = 50  # a script blocks everyone, and a letter may be long
_FIELD_CHARACTERS: Final = 96
_TOMBSTONES_CHANGED: Final = -1


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a letter. Without an event it is discarded. `heed_window`: an event whose id
    was seen within the dedupe window is a duplicate."""

    letter_id: str
    event: Event | None = None
    heed_window: bool = True


class DeadLetters:
    """Reads and writes raise redis-py's errors: callers decide."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self._letters = keys.dead_letters(tenant)
        self._index = keys.dead_letter_index(tenant)
        self._counts = keys.dead_letter_counts(tenant)
        self._stream_marks = keys.dead_letter_ids(tenant)
        self._api_marks = keys.dead_letter_digests(tenant)
        self._targets = [
            keys.events(tenant),
            keys.seen(tenant),
            keys.seen_before(tenant),
            keys.tombstones_version(tenant),
        ]

    def bury(self, entry: Entry, error: CipError) -> None:
        """Keeps an entry that no consumer can read, whichever group finds it first."""
        failpoints.hit("letters.before_bury")
        rejected = RejectedEvent(entry.payload, error.code, error.field, error.message)
        arguments = [*_arguments(entry.stream_id, entry.stream_id, rejected)]
        self._write("stream", self._stream_marks, ("", ""), arguments)
        failpoints.hit("letters.after_bury")

    def keep(self, rejected: Sequence[RejectedEvent], tombstones_version: int = 0) -> int:
        """Keeps what the API rejected, within the limits; how many letters are new. Raises
        `TombstonesChangedError` when a customer was erased since the caller looked."""
        written = 0
        for start in range(0, len(rejected), CHUNK):
            arguments: list[Any] = []
            for one in rejected[start : start + CHUNK]:
                arguments += _arguments(_mark(one), "", one)
            limits = (MAX_API_LETTERS, MAX_API_BYTES)
            new = self._write("api", self._api_marks, limits, arguments, tombstones_version)
            if new == _TOMBSTONES_CHANGED:
                raise TombstonesChangedError
            written += new
        return written

    def _write(
        self,
        source: Source,
        marks: str,
        limits: tuple[Any, Any],
        arguments: list[Any],
        tombstones_version: int | str = "",
    ) -> int:
        answer: Any = script(self._client, "keep_letters")(
            keys=[self._letters, marks, self._counts, self._index, self._targets[-1]],
            args=[source, *limits, tombstones_version, *arguments],
        )
        return int(answer)

    def heap(self) -> Heap:
        """What there is, without reading a letter."""
        fields: Any = self._client.hgetall(self._counts)
        reasons = {}
        for raw, count in fields.items():
            kind, *parts = raw.decode().split(_SEP)
            if kind == "reason":
                source, code, field = parts
                reasons[Reason(cast("Source", source), code, field)] = int(count)
        return Heap(reasons, int(fields.get(b"not_kept", 0)))

    def newest(self, reasons: Sequence[Reason]) -> list[Letter | None]:
        """The newest letter of each."""
        pipeline = self._client.pipeline(transaction=False)
        for reason in reasons:
            low, high = _bounds(reason)
            pipeline.zrevrangebylex(self._index, high, low, start=0, num=1)
        found = [_ids(members) for members in pipeline.execute()]
        letters = self._read([ids[0] for ids in found if ids])
        return [letters.get(ids[0]) if ids else None for ids in found]

    def page(self, reason: Reason, *, before: str = "", limit: int = 25) -> list[Letter]:
        """The newest letters of a reason, older than the letter `before`."""
        low, high = _bounds(reason)
        if before:
            high = f"({_prefix(reason)}{_padded(before)}"
        members = self._client.zrevrangebylex(self._index, high, low, start=0, num=limit)
        return list(self._read(_ids(members)).values())

    def oldest(self, reason: Reason, *, after: str = "", limit: int = CHUNK) -> list[Letter]:
        """The oldest letters of a reason, newer than the letter `after`."""
        low, high = _bounds(reason)
        if after:
            low = f"({_prefix(reason)}{_padded(after)}"
        members = self._client.zrangebylex(self._index, low, high, start=0, num=limit)
        return list(self._read(_ids(members)).values())

    def all(self) -> Iterator[Letter]:
        """Every letter, oldest first, read a few at a time."""
        after = "-"
        while entries := cast("Any", self._client.xrange(self._letters, after, count=CHUNK)):
            yield from (_letter(entry_id, fields) for entry_id, fields in entries)
            after = f"({entries[-1][0].decode()}"

    def find(self, letter_id: str) -> Letter | None:
        return self._read([letter_id]).get(letter_id) if is_letter_id(letter_id) else None

    def settle(
        self, settlements: Sequence[Settlement], *, tombstones_version: int | None = None
    ) -> list[str]:
        """One answer each: `` (no such letter), `discarded`, `duplicate`, or the new stream id.

        Each slice is one atomic script; a repeat of the whole finds no letter any more. Raises
        `TombstonesChangedError` when a customer was erased since the caller looked.
        """
        version = "" if tombstones_version is None else tombstones_version
        answers: list[str] = []
        for start in range(0, len(settlements), CHUNK):
            arguments: list[Any] = [version]
            for one in settlements[start : start + CHUNK]:
                event = (digest(one.event.event_id), encode(one.event)) if one.event else ("", "")
                arguments += (one.letter_id, *event, int(one.heed_window))
            found: Any = script(self._client, "settle_letters")(
                keys=[self._letters, self._api_marks, self._counts, self._index, *self._targets],
                args=arguments,
            )
            if found == _TOMBSTONES_CHANGED:
                raise TombstonesChangedError
            answers += [bytes(answer).decode() for answer in found]
        return answers

    def _read(self, letter_ids: Sequence[str]) -> dict[str, Letter]:
        pipeline = self._client.pipeline(transaction=False)
        for letter_id in letter_ids:
            pipeline.xrange(self._letters, letter_id, letter_id)
        found = (entries[0] for entries in pipeline.execute() if entries)
        return {letter.id: letter for letter in (_letter(*entry) for entry in found)}


def is_letter_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _arguments(mark: str | bytes, stream_id: str, rejected: RejectedEvent) -> tuple[Any, ...]:
    payload = rejected.payload
    return (
        mark,
        stream_id,
        rejected.code,
        # Of what the sender wrote, when it is an unknown field's name; it may not tear the index.
        bounded(rejected.field or "", _FIELD_CHARACTERS),
        bounded(rejected.message),
        payload[:MAX_PAYLOAD_BYTES],
        int(len(payload) > MAX_PAYLOAD_BYTES),
    )


def _mark(rejected: RejectedEvent) -> bytes:
    return hashlib.blake2b(
        rejected.code.encode() + b"\0" + rejected.payload, digest_size=16
    ).digest()


def _prefix(reason: Reason) -> str:
    return _SEP.join((reason.source, reason.code, reason.field, ""))


def _bounds(reason: Reason) -> tuple[str, str]:
    """All members of a reason: what follows the prefix begins with a digit, and `:` is after 9."""
    return f"[{_prefix(reason)}", f"({_prefix(reason)}:"


def _padded(letter_id: str) -> str:
    ms, _, seq = letter_id.partition("-")
    return f"{int(ms):013d}-{int(seq):010d}"


def _ids(members: Any) -> list[str]:
    padded = (bytes(member).decode().rpartition(_SEP)[2].partition("-") for member in members)
    return [f"{int(ms)}-{int(seq)}" for ms, _, seq in padded]


def _letter(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Letter:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    return Letter(
        id=entry_id.decode(),
        reason=Reason(cast("Source", text(b"source")), text(b"code"), text(b"field")),
        stream_id=text(b"stream_id"),
        message=text(b"message"),
        payload=fields.get(b"payload", b""),
        truncated=text(b"truncated") == "1",
    )
