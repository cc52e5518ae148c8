"""The durable hot log: one stream of accepted events per tenant, read by consumer groups."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple

import orjson
import redis

from cip.domain.errors import CipError, NotFoundError
from cip.domain.events import MONEY, Event
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.scripts import script

Group = Literal["live", "history"]
GROUPS: Final[tuple[Group, ...]] = ("live", "history")
BATCH: Final = 250  # a script blocks everyone: 2.3 ms a thousand events
KEPT_FOR_FEED: Final = 1_000
_TOMBSTONES_CHANGED: Final = -1
_SHAPE: Final = (str, str, str, int, str, dict, int)
DEDUPE_WINDOW: Final = timedelta(days=7)


class PoisonError(CipError):
    """A stream entry that no consumer can read: another program's, or a damaged one."""

    default_code = "unreadable"


class TombstonesChangedError(CipError):
    """A customer was erased since the caller looked: look again, then repeat with what `answers`
    does not tell of."""

    def __init__(self, answers: Sequence[str | None] = ()) -> None:
        super().__init__("A customer was erased meanwhile.")
        self.answers = answers


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a stream reaches: its newest id, and how many entries were ever added."""

    last_id: str
    added: int


class Entry(NamedTuple):
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
    event = Event._make(fields)
    _check_properties(event)
    return event


def _check_properties(event: Event) -> None:
    """What counting and storing need of them."""
    if event.type in MONEY:
        amount = event.properties.get("amount_minor", 0)
        if type(amount) is not int or abs(amount) > 2**53:
            field = "properties.amount_minor"
            raise PoisonError("amount_minor is no whole number, or out of range.", field=field)
    if any(type(value) in (list, dict) for value in event.properties.values()):
        try:
            orjson.dumps(event.properties)
        except orjson.JSONEncodeError as error:  # it reads deeper than it writes
            raise PoisonError("properties are nested too deeply.", field="properties") from error


def _name_poison(fields: Sequence[object]) -> None:
    for name, value, kind in zip(Event._fields, fields, _SHAPE, strict=True):
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
        self._advance = script(client, "advance_group")
        self._raise = script(client, "raise_last_id")

    def append(
        self,
        events: Sequence[Event],
        *,
        window: timedelta = DEDUPE_WINDOW,
        tombstones_version: int = 0,
    ) -> list[str | None]:
        """Appends events not seen within `window`: a stream id each, None for a duplicate.

        Each slice of 250 is one atomic script; when Redis fails between slices the earlier ones
        stand, and a repeat of the whole finds them as duplicates. Raises `TombstonesChangedError`
        when a customer was erased since the caller looked.
        """
        answers: list[str | None] = []
        script_keys = [
            self._key,
            keys.seen(self.tenant),
            keys.seen_before(self.tenant),
            keys.seen_rotated(self.tenant),
            keys.tombstones_version(self.tenant),
        ]
        window_ms = int(window.total_seconds() * 1000)
        for start in range(0, len(events), BATCH):
            arguments: list[Any] = [window_ms, tombstones_version]
            for event in events[start : start + BATCH]:
                arguments += (digest(event.event_id), encode(event))
            ids = self._accept(keys=script_keys, args=arguments)
            if ids == _TOMBSTONES_CHANGED:
                raise TombstonesChangedError(answers)
            answers += [bytes(found).decode() or None for found in ids]
        return answers

    def ensure_groups(self) -> None:
        for group in GROUPS:
            try:
                self._client.xgroup_create(
                    self._key, group, id="0-0", mkstream=True, entries_read=0
                )
            except redis.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def raise_last_id(self, least: str) -> bool:
        """Sees to it that no entry to come gets an id up to `least`; whether that was needed."""
        return bool(self._raise(keys=[self._key], args=[least]))

    def place(self, group: Group) -> str:
        """The id of the last entry that the group has finished; `0-0` before the first.
        `NotFoundError` when there is no such group: the tenant is gone, or the store lost it."""
        for info in self._groups():
            if bytes(info["name"]).decode() == group:
                return bytes(info["last-delivered-id"]).decode()
        raise NotFoundError(f"The stream has no group {group}.")

    def after(self, stream_id: str, count: int) -> list[Entry]:
        """The entries behind that id, oldest first."""
        # The command as bytes: redis-py would make a dictionary of each entry, at twice the cost.
        answer: Any = self._client.execute_command(  # type: ignore[no-untyped-call]
            b"XRANGE", self._key, f"({stream_id}", "+", "COUNT", count
        )
        return [_raw_entry(entry_id, fields) for entry_id, fields in answer]

    def advance(self, group: Group, *, start: str, end: str, count: int) -> bool:
        """Moves the group from `start` to `end`, `count` entries on. False when it does not stand
        at `start`: somebody else has moved it."""
        return bool(self._advance(keys=[self._key], args=[group, start, end, count]))

    def extent(self) -> Extent:
        """The newest id ever given out and how many there were; `0-0` for a stream without one."""
        try:
            info: Any = self._client.xinfo_stream(self._key)
        except redis.ResponseError:
            return Extent("0-0", 0)
        return Extent(bytes(info["last-generated-id"]).decode(), int(info["entries-added"]))

    def newest(self, count: int) -> list[Entry]:
        """The newest entries, newest first."""
        answer: Any = self._client.xrevrange(self._key, count=count)
        return [_entry(entry_id, fields) for entry_id, fields in answer]

    def backlog(self, group: Group) -> int:
        """Entries that the group has not finished."""
        for info in self._groups():
            if bytes(info["name"]).decode() == group:
                if info["lag"] is not None:
                    return int(info["lag"])
                # The server does not know once entries were deleted out of the middle.
                return self.extent().added - int(info["entries-read"] or 0)
        return 0

    def trim(self) -> int:
        """Drops entries that every group has finished, but keeps the newest for the feed."""
        places = [pack(bytes(info["last-delivered-id"]).decode()) for info in self._groups()]
        newest = self.newest(KEPT_FOR_FEED)
        if len(newest) < KEPT_FOR_FEED or len(places) < len(GROUPS):
            return 0
        floor = min(min(places) + 1, newest[-1].position)
        return int(self._client.xtrim(self._key, minid=unpack(floor), approximate=False))

    def _groups(self) -> list[Any]:
        try:
            return list(self._client.xinfo_groups(self._key))
        except redis.ResponseError as error:
            if "no such key" in str(error):
                return []
            raise


def _raw_entry(entry_id: bytes, fields: list[bytes]) -> Entry:
    if len(fields) == 2 and fields[0] == b"e":
        return Entry(entry_id.decode(), fields[1])
    return _entry(entry_id, dict(zip(fields[::2], fields[1::2], strict=True)))


def _entry(entry_id: bytes, fields: dict[bytes, bytes] | None) -> Entry:
    return Entry(bytes(entry_id).decode(), (fields or {}).get(b"e", b""))
