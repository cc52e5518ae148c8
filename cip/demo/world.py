"""One tenant's simulated world: the events of any span of time, and the truth behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa

from cip.demo.arrivals import Arrivals
from cip.demo.browsing import DAY, Browsing
from cip.demo.conversations import Conversations
from cip.demo.frame import Ids, ordered
from cip.demo.life_events import LifeEvents
from cip.demo.lives import BLOCK, Lives, People, draw_lives, join
from cip.demo.rhythm import Rhythm
from cip.demo.spec import DemoSpec
from cip.domain.events import microseconds

# How long the world goes on after the seed's end.
_FUTURE_WEEKS: Final = 104
# Even days that a source must be started before a span, to have all that it says inside it.
_SESSION_DAYS: Final = 1
_EMAIL_DAYS: Final = 14
_CONVERSATION_DAYS: Final = 30


class World:
    """What `between` says about a span depends on the spec, the seed's end and the span alone:
    the seed, its live continuation and a continuation after a restart never disagree."""

    def __init__(self, spec: DemoSpec, seed_end: datetime) -> None:
        self.spec = spec
        self.seed_end = seed_end.astimezone(UTC).replace(microsecond=0)
        self.start = self.seed_end - timedelta(days=spec.days)
        weeks = math.ceil(spec.days / 7) + 1 + _FUTURE_WEEKS
        self.clock = Rhythm(spec.rhythm, spec.timezone, self.start, weeks)
        end = self.clock.even(microseconds(self.seed_end))
        start = self.clock.even(microseconds(self.start))
        self.arrivals = Arrivals(start, end, spec.customers, spec.growth)
        prefix = f"{spec.tenant}-{spec.seed}-{microseconds(self.seed_end) // 1_000_000}"
        self.ids = Ids(prefix, spec.customer_prefix)
        self._life = LifeEvents(spec, self.clock, self.ids)
        self._browsing = Browsing(spec, self.clock, self.ids, end)
        self._conversations = Conversations(spec, self.clock, self.ids)
        self._blocks: list[Lives] = []
        self._joined: Lives | None = None

    @property
    def import_id(self) -> str:
        return f"demo-{self.spec.seed}-{self.seed_end:%Y%m%dT%H%M%SZ}"

    def seed_events(self, progress: Callable[[float], None] = lambda _: None) -> pa.Table:
        """All events before the seed's end, in order. `progress` hears the share that is done."""
        start, end = microseconds(self.start), microseconds(self.seed_end)
        return self._collect(start, end, progress)

    def between(self, start_us: int, end_us: int) -> pa.Table:
        """The events from `start_us` up to but not including `end_us`, in order."""
        return self._collect(start_us, end_us, lambda _: None)

    def lives_before(self, even: float) -> Lives:
        """Lives of at least all customers that arrive before an even time."""
        wanted = -(-self.arrivals.count_before(even) // BLOCK)
        if self._joined is None or wanted > len(self._blocks):
            for block in range(len(self._blocks), wanted):
                self._blocks.append(draw_lives(self.spec, self.clock, self.arrivals, block))
            self._joined = join(self._blocks)
        return self._joined

    def _collect(self, start_us: int, end_us: int, progress: Callable[[float], None]) -> pa.Table:
        first = math.floor(self.clock.even(start_us) / DAY)
        last = min(math.ceil(self.clock.even(end_us) / DAY), self.clock.weeks * 7)
        lives = self.lives_before(last * DAY)
        pieces = list(self._life.between(lives, start_us, end_us))
        days = range(max(0, first - _CONVERSATION_DAYS), last)
        for done, day in enumerate(days):
            pieces.extend(self._day(lives.people, day, first))
            progress((done + 1) / len(days))
        return ordered(pieces, start_us, end_us)

    def _day(self, everyone: People, day: int, first: int) -> Iterator[pa.Table]:
        people = _up_to(everyone, self.arrivals.count_before((day + 1) * DAY))
        yield from self._conversations.starting(people, day)
        if day >= first - _EMAIL_DAYS:
            yield from self._browsing.emails(people, day)
        if day >= first - _SESSION_DAYS:
            yield from self._browsing.sessions(people, day)


def _up_to(people: People, count: int) -> People:
    names = People.__dataclass_fields__
    return replace(people, **{name: getattr(people, name)[:count] for name in names})
