"""What Redis holds of erased customers besides the live counters: found, removed, looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from cip.domain.dead_letters import Letter
from cip.domain.erasure import Erased
from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.dead_letters import DeadLetters, Settlement
from cip.store.live import LiveCounters
from cip.store.live_shape import SEP
from cip.store.streams import Entry, EventStream, PoisonError, decode

_CHUNK: Final = 1_000
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


class Remains:
    """Everything may be repeated. Raises redis-py's errors."""

    def __init__(self, client: Redis, tenant: TenantId, erased: Erased) -> None:
        self._client = client
        self._erased = erased
        self.tenant = tenant

    def in_stream(self) -> list[str]:
        """The entries of erased events."""
        stream = EventStream(self._client, self.tenant)
        found: list[str] = []
        after = "0-0"
        while entries := stream.after(after, _CHUNK):
            found += (entry.stream_id for entry in entries if self._is_gone(entry))
            after = entries[-1].stream_id
        return found

    def delete_from_stream(self, stream_ids: Sequence[str]) -> None:
        """Of entries that every group has finished with."""
        for start in range(0, len(stream_ids), _CHUNK):
            self._client.xdel(keys.events(self.tenant), *stream_ids[start : start + _CHUNK])

    def in_letters(self) -> list[str]:
        """The dead letters of erased events; of what nobody can read, those that name somebody who
        was erased after it came in."""
        letters = DeadLetters(self._client, self.tenant).all()
        return [letter.id for letter in letters if self._is_dead(letter)]

    def delete_letters(self, letter_ids: Sequence[str]) -> None:
        letters = DeadLetters(self._client, self.tenant)
        letters.settle([Settlement(letter_id) for letter_id in letter_ids])

    def in_first_seen(self) -> int:
        """How many customers are known by an erased event as their first."""
        generation = LiveCounters(self._client, self.tenant).generation()
        found = self._client.hscan_iter(keys.first_seen(self.tenant, generation), count=_CHUNK)
        return sum(
            self._erased.covers(who.decode(), int(value.decode().partition(SEP)[0]))
            for who, value in found
        )

    def results(self) -> list[str]:
        """The keys of cached and published results; not the leases of computations under way."""
        return [
            name
            for pattern in keys.result_patterns(self.tenant)
            for name in self._scan(pattern)
            if not name.endswith(":lease")
        ]

    def older_generations(self) -> list[str]:
        """The keys of live counters that are no longer in force."""
        present = LiveCounters(self._client, self.tenant).generation()
        return [
            name
            for name in self._scan(keys.live_pattern(self.tenant))
            if (number := name.split(":")[2]).isdigit() and int(number) < present
        ]

    def existing(self, names: Sequence[str]) -> int:
        return sum(bool(self._client.exists(name)) for name in names)

    def unlink(self, names: Sequence[str]) -> int:
        """How many of these keys there were."""
        removed = 0
        for start in range(0, len(names), _CHUNK):
            removed += int(self._client.unlink(*names[start : start + _CHUNK]))
        return removed

    def _scan(self, pattern: str) -> Iterator[str]:
        for name in self._client.scan_iter(match=pattern, count=_CHUNK):
            yield name.decode()

    def _is_gone(self, entry: Entry) -> bool:
        try:
            event = decode(entry.payload)
        except PoisonError:
            return self._names_somebody(entry.payload, (entry.position >> 21) * 1_000)
        return self._erased.covers(event.customer_id, event.occurred_at_us)

    def _is_dead(self, letter: Letter) -> bool:
        came_us = microseconds(letter.at)
        event = letter.event
        if event is None or event.get("customer_id") is None:
            return self._names_somebody(letter.payload, came_us)
        at_us = _instant_us(event.get("occurred_at"))
        return self._erased.covers(
            str(event["customer_id"]), came_us if at_us is None else min(at_us, came_us)
        )

    def _names_somebody(self, payload: bytes, came_us: int) -> bool:
        """Whether a string in it is the id of somebody who was erased later than it came in."""
        return any(self._erased.covers(text, came_us) for text in _strings(payload))


def _strings(payload: bytes) -> Iterator[str]:
    for quoted in _QUOTED.findall(payload):
        try:
            yield str(orjson.loads(quoted))
        except orjson.JSONDecodeError:
            yield quoted[1:-1].decode(errors="replace")


def _instant_us(value: Any) -> int | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return microseconds(at) if at.tzinfo else None
