"""The live counters: sums and HyperLogLogs per minute and hour of the last two days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.live_batch import LiveBatch
from cip.store.live_shape import SEP, Unit
from cip.store.scripts import script

# Standard error of a HyperLogLog of 2^14 registers.
HLL_STANDARD_ERROR: Final = 0.0081
PAUSED: Final = -1
SUPERSEDED: Final = -2
MOVED: Final = -3


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole minute or hour, numbered since 1970."""

    unit: Unit
    number: int

    @property
    def start_minute(self) -> int:
        return self.number if self.unit == "m" else self.number * 60


@dataclass(slots=True)
class Sums:
    """Sums over some pieces. Money in minor units."""

    events: dict[tuple[str, str], int] = field(default_factory=dict)  # (channel, type) → count
    purchased_minor: dict[str, int] = field(default_factory=dict)  # by channel
    refunded_minor: dict[str, int] = field(default_factory=dict)
    new_customers: dict[str, int] = field(default_factory=dict)

    def add(self, fields: Sequence[bytes]) -> None:
        """Adds a hash as the server sends it: names and values by turns."""
        for raw, value in zip(fields[::2], fields[1::2], strict=True):
            kind, channel, event_type = _field(raw)
            amount = int(value)
            if kind == "n":
                key = (channel, event_type)
                self.events[key] = self.events.get(key, 0) + amount
            else:
                table = {
                    "a": self.purchased_minor,
                    "r": self.refunded_minor,
                    "f": self.new_customers,
                }[kind]
                table[channel] = table.get(channel, 0) + amount


@lru_cache(maxsize=10_000)
def _field(raw: bytes) -> tuple[str, str, str]:
    """Kind, channel and event type of a field's name: a few names come again and again."""
    kind, _, rest = raw.decode().partition(SEP)
    channel, _, event_type = rest.partition(SEP)
    return kind, channel, event_type


def pieces(start_minute: int, end_minute: int) -> list[Piece]:
    """Covers [start, end) with whole hours and, at the edges, minutes."""
    first_hour, last_hour = -(-start_minute // 60), end_minute // 60
    if first_hour >= last_hour:
        return [Piece("m", minute) for minute in range(start_minute, end_minute)]
    return [
        *(Piece("m", minute) for minute in range(start_minute, first_hour * 60)),
        *(Piece("h", hour) for hour in range(first_hour, last_hour)),
        *(Piece("m", minute) for minute in range(last_hour * 60, end_minute)),
    ]


class LiveCounters:
    """Reads and writes one tenant's counters; raises redis-py's errors."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self.tenant = tenant
        self._apply = script(client, "apply_live")

    def generation(self) -> int:
        return int(self._client.get(keys.live_generation(self.tenant)) or 0)

    def apply(self, batch: LiveBatch, *, start: str, end: str, count: int, generation: int) -> int:
        """Adds a batch of `count` entries behind `start` up to `end` and moves the group past it,
        both or neither. How many were applied, or PAUSED, SUPERSEDED (the generation is not
        `generation` any more) or MOVED (the group does not stand at `start`)."""
        answer: Any = self._apply(
            keys=[
                keys.events(self.tenant),
                keys.live_generation(self.tenant),
                keys.live_paused(self.tenant),
                keys.version(self.tenant),
                keys.first_seen(self.tenant, generation),
                keys.live_meta(self.tenant, generation),
            ],
            args=[
                "live",
                generation,
                keys.live(self.tenant, generation),
                start,
                end,
                count,
                batch.text,
                batch.too_old_minute,
            ],
        )
        return int(answer)

    def sums(self, generation: int, wanted: Sequence[Piece]) -> list[Sums]:
        """One `Sums` a piece, in one round trip."""
        names = [
            keys.live_counts(self.tenant, generation, piece.unit, piece.number) for piece in wanted
        ]
        answer: Any = script(self._client, "read_sums")(keys=names) if names else []
        found = []
        for fields in answer:
            sums = Sums()
            sums.add(fields)
            found.append(sums)
        return found

    def remembering(self) -> LiveCounters:
        """The same counters, which read each piece's sums once: for one version of the data."""
        return _RememberingCounters(self._client, self.tenant)

    def people(
        self,
        generation: int,
        windows: Sequence[tuple[Literal["a", "b"], Sequence[Piece]]],
        channels: Sequence[str] = (),
    ) -> list[int]:
        """Estimated distinct customers (`a` active, `b` buyers) of each window."""
        pipeline = self._client.pipeline(transaction=False)
        asked = []
        for who, wanted in windows:
            names = [
                keys.live_people(self.tenant, generation, piece.unit, who, piece.number, channel)
                for piece in wanted
                for channel in (channels or (None,))
            ]
            asked.append(bool(names))
            if names:
                pipeline.pfcount(*names)
        answers = iter(pipeline.execute())
        return [int(next(answers)) if some else 0 for some in asked]

    def newest_us(self, generation: int) -> int | None:
        """Instant of the newest event that was counted."""
        value = self._client.hget(keys.live_meta(self.tenant, generation), "newest_us")
        return None if value is None else int(value)

    def version(self) -> tuple[int, int]:
        """(generation, change count): one round trip; differs when a figure may differ."""
        generation, changes = self._client.mget(
            keys.live_generation(self.tenant), keys.version(self.tenant)
        )
        return int(generation or 0), int(changes or 0)


class _RememberingCounters(LiveCounters):
    def __init__(self, client: Redis, tenant: TenantId) -> None:
        super().__init__(client, tenant)
        self._known: dict[tuple[int, Piece], Sums] = {}

    def sums(self, generation: int, wanted: Sequence[Piece]) -> list[Sums]:
        missing = [piece for piece in wanted if (generation, piece) not in self._known]
        for piece, sums in zip(missing, super().sums(generation, missing), strict=True):
            self._known[generation, piece] = sums
        return [self._known[generation, piece] for piece in wanted]


def total(sums: Iterable[Sums]) -> Sums:
    """The sum of sums."""
    whole = Sums()
    for one in sums:
        for name in ("events", "purchased_minor", "refunded_minor", "new_customers"):
            table, more = getattr(whole, name), getattr(one, name)
            for key, amount in more.items():
                table[key] = table.get(key, 0) + amount
    return whole
