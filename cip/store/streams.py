"""The durable hot log: one stream of accepted events per tenant, read by consumer groups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

import orjson
import redis

from cip.domain.errors import CipError
from cip.domain.events import Event
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.scripts import script

Group = Literal["live", "history"]
GROUPS: Final[tuple[Group, ...]] = ("live", "history")
# One name for whoever holds the tenant's lease: a successor finds its predecessor's pending
# entries as its own.
CONSUMER: Final = "owner"
BATCH: Final = 250  # a script blocks everyone: 2.3 ms a thousand events
KEPT_FOR_FEED: Final = 1_000
_SHAPE: Final = (str, str, str, int, str, dict, int)
DEDUPE_WINDOW: Final = timedelta(days=7)


class PoisonError(CipError):
    """A stream entry that no consumer can read: another program's, or a damaged one."""

    default_code = "unreadable"


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream entry as it was delivered. `payload` is the raw bytes of its field `e`."""

    stream_id: str
    payload: bytes

    @property
    def position(self) -> int:
        return pack(self.stream_id)


def pack(stream_id: str) -> int:
    """`ms-seq` in 64 bits that sort alike: ms << 21 | seq. Overflow raises, never wraps."""
    ms_text, _, seq_text = stream_id.partition("-")
    ms, seq = int(ms_text), int(seq_text or 0)
    if not (0 <= ms < 2**42 and 0 <= seq < 2**21):
        raise OverflowError(f"stream id {stream_id} does not fit into 64 bits")
    return ms << 21 | seq


def unpack(position: int) -> str:
    return f"{position >> 21}-{position & (2**21 - 1)}"


def encode(event: Event) -> bytes:
    return orjson.dumps(
        [
            event.event_id,
            event.customer_id,
            event.type,
            event.occurred_at_us,
            event.channel,
            event.properties,
            event.received_at_us,
        ]
    )


def decode(payload: bytes) -> Event:
    """The one parser of both groups, so that poison is poison for both; raises `PoisonError`."""
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise PoisonError("The entry is not JSON.", field="e") from error
    if not isinstance(fields, list) or len(fields) != len(_SHAPE):
        raise PoisonError("The entry is not a list of seven fields.", field="e")
    # Both consumers read every event: what is as it should be is seen at once.
    if tuple(map(type, fields)) != _SHAPE or not all(fields[:3]) or not fields[4]:
        _name_poison(fields)
    if not (-(2**53) < fields[3] < 2**53 and -(2**53) < fields[6] < 2**53):
        _name_poison(fields)
    event = Event(*fields)
    if abs(event.amount_minor or 0) > 2**53:
        raise PoisonError("amount_minor is out of range.", field="properties.amount_minor")
    return event


def _name_poison(fields: Sequence[object]) -> None:
    for name, value, kind in zip(Event.__dataclass_fields__, fields, _SHAPE, strict=True):
        if type(value) is not kind:
            raise PoisonError(f"{name} is not a {kind.__name__}.", field=name)
        if isinstance(value, int) and not -(2**53) < value < 2**53:
            raise PoisonError(f"{name} is out of range.", field=name)
        if kind is str and not value:
            raise PoisonError(f"{name} is empty.", field=name)


def digest(event_id: str) -> bytes:
    """16 bytes that stand for an event id in the dedupe sets."""
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


class EventStream:
    """One tenant's stream. Reads and writes raise redis-py's errors: callers decide."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self.tenant = tenant
        self._key = keys.events(tenant)
        self._accept = script(client, "accept_events")
        self._bury = script(client, "dead_letter")

    def append(
        self, events: Sequence[Event], *, window: timedelta = DEDUPE_WINDOW
    ) -> list[str | None]:
        """Appends events not seen within `window`: a stream id each, None for a duplicate.

        Each slice of 250 is one atomic script; when Redis fails between slices the earlier ones
        stand, and a repeat of the whole finds them as duplicates.
        """
        answers: list[str | None] = []
        script_keys = [
            self._key,
            keys.seen(self.tenant),
            keys.seen_before(self.tenant),
            keys.seen_rotated(self.tenant),
        ]
        for start in range(0, len(events), BATCH):
            arguments: list[Any] = [int(window.total_seconds() * 1000)]
            for event in events[start : start + BATCH]:
                arguments += (digest(event.event_id), encode(event))
            ids = self._accept(keys=script_keys, args=arguments)
            answers += [bytes(found).decode() or None for found in ids]
        return answers

    def ensure_groups(self) -> None:
        for group in GROUPS:
            try:
                self._client.xgroup_create(self._key, group, id="0", mkstream=True)
            except redis.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def read(self, group: Group, count: int, *, pending_after: str | None = None) -> list[Entry]:
        """New entries, or with `pending_after` those delivered before and not acknowledged."""
        start = ">" if pending_after is None else pending_after
        answer: Any = self._client.xreadgroup(group, CONSUMER, {self._key: start}, count=count)
        entries = _first_stream(answer)
        return [_entry(entry_id, fields) for entry_id, fields in entries]

    def acknowledge(self, group: Group, stream_ids: Iterable[str]) -> int:
        ids = list(stream_ids)
        return int(self._client.xack(self._key, group, *ids)) if ids else 0

    def oldest_pending(self, group: Group) -> str | None:
        """The oldest entry that was delivered, to whomever, and not acknowledged."""
        summary: Any = self._client.xpending(self._key, group)
        return None if summary["min"] is None else bytes(summary["min"]).decode()

    def bury(self, entry: Entry, error: CipError) -> None:
        """Writes the entry's dead letter, once, with the reason and the whole payload."""
        self._bury(
            keys=[keys.dead_letters(self.tenant), keys.dead_letter_ids(self.tenant)],
            args=[
                entry.stream_id,
                error.code,
                error.field or "",
                error.message,
                entry.payload,
            ],
        )

    def last_id(self) -> str:
        """The newest id ever given out, `0-0` for a stream without one."""
        try:
            info: Any = self._client.xinfo_stream(self._key)
        except redis.ResponseError:
            return "0-0"
        return bytes(info["last-generated-id"]).decode()

    def newest(self, count: int) -> list[Entry]:
        """The newest entries, newest first."""
        answer: Any = self._client.xrevrange(self._key, count=count)
        return [_entry(entry_id, fields) for entry_id, fields in answer]

    def backlog(self, group: Group) -> int:
        """Entries that the group has not finished: delivered and pending, or still to come."""
        for info in self._groups():
            if bytes(info["name"]).decode() == group:
                return int(info["pending"]) + int(info["lag"] or 0)
        return 0

    def trim(self) -> int:
        """Drops entries that every group has finished, but keeps the newest for the feed."""
        floor = min((self._oldest_needed(info) for info in self._groups()), default=0)
        newest = self.newest(KEPT_FOR_FEED)
        if len(newest) < KEPT_FOR_FEED:
            return 0
        return int(
            self._client.xtrim(
                self._key, minid=unpack(min(floor, newest[-1].position)), approximate=False
            )
        )

    def _groups(self) -> list[Any]:
        return list(self._client.xinfo_groups(self._key))

    def _oldest_needed(self, info: Any) -> int:
        group: Any = bytes(info["name"]).decode()
        if info["pending"] and (oldest := self.oldest_pending(group)):
            return pack(oldest)
        return pack(bytes(info["last-delivered-id"]).decode()) + 1


def _first_stream(answer: Any) -> list[Any]:
    """redis-py answers a list of [key, entries] (RESP2) or a dictionary (RESP3)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        found = next(iter(answer.values()))
        return list(found[0]) if len(found) == 1 and isinstance(found[0], list) else list(found)
    return list(answer[0][1])


def _entry(entry_id: bytes, fields: dict[bytes, bytes] | None) -> Entry:
    return Entry(bytes(entry_id).decode(), (fields or {}).get(b"e", b""))
