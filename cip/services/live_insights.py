"""`kpis` and `timeseries` from the live counters: windows within the last 48 hours."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from cip.analytics.kpis import Totals, kpis
from cip.analytics.timeseries import timeseries
from cip.domain.buckets import boundaries
from cip.domain.events import CONVERSATION_STARTED, MESSAGE, PURCHASE, instant, microseconds
from cip.domain.periods import ACTIVE_NOW, MINUTE, Windows, floor_minute, recent_end, resolve
from cip.domain.queries import KpisQuery, TimeseriesQuery
from cip.domain.results import Engagement, Envelope, Kpis, Result, Timeseries, Window
from cip.domain.tenants import Tenant
from cip.store.live import (
    HLL_STANDARD_ERROR,
    LiveCounters,
    Piece,
    Sums,
    pieces,
    total,
)
from cip.store.live_shape import MICROSECONDS_PER_MINUTE, WINDOW_HOURS


class LiveInsights:
    """Reads one tenant's counters; raises redis-py's errors."""

    def __init__(self, counters: LiveCounters, tenant: Tenant, generation: int) -> None:
        self._counters = counters
        self._tenant = tenant
        self._generation = generation

    def kpis(
        self,
        query: KpisQuery,
        *,
        now: datetime,
        newest: datetime | None,
        version: str,
        engagement: Callable[[], Engagement | None],
    ) -> Result[Kpis] | None:
        """None where the live counters do not reach back far enough. `engagement` is asked for
        the part that counters cannot tell."""
        windows = resolve(query.period, now=now, newest=newest, compare=query.compare)
        if not within_reach(windows, now):
            return None
        asked = [windows.this, windows.before] if windows.before else [windows.this]
        totals = self._totals(asked, query.channels, recent_end(windows, now))
        before = totals[1] if windows.before else None
        data = kpis(
            totals[0],
            before,
            engagement=engagement(),
            incomplete=windows.incomplete,
            relative_error=HLL_STANDARD_ERROR,
        )
        events = sum(each.events for each in totals)
        return Result(
            envelope=self._envelope("kpis", windows, now, newest, version, events), data=data
        )

    def timeseries(
        self, query: TimeseriesQuery, *, now: datetime, newest: datetime | None, version: str
    ) -> Result[Timeseries] | None:
        """None where the counters do not reach back, or do not keep the metric by that split."""
        windows = resolve(query.period, now=now, newest=newest, compare="none")
        by_type = query.split_by == "type"
        if not within_reach(windows, now) or (by_type and query.metric != "events"):
            return None
        bounds = boundaries(
            query.bucket,
            windows.this,
            self._tenant.zone,
            week_starts_on_sunday=self._tenant.week_start == "sunday",
        )
        starts = bounds[:-1]
        if query.metric == "active_customers":
            values = self._active_by_bucket(query, windows.this, starts)
            events = 0
        else:
            values, events = self._sums_by_bucket(query, windows.this, starts)
        data = timeseries(
            query.metric,
            query.bucket,
            bounds,
            values,
            split=query.split_by is not None,
            since=windows.this.start,
            over_until=min(now, windows.this.end),
        )
        return Result(
            envelope=self._envelope("timeseries", windows, now, newest, version, events), data=data
        )

    def _totals(
        self, windows: Sequence[Window], channels: Sequence[str], recent: datetime
    ) -> list[Totals]:
        covers = [_cover(window) for window in windows]
        flat = [piece for cover in covers for piece in cover]
        found = iter(self._counters.sums(self._generation, flat))
        sums = [total(next(found) for _ in cover) for cover in covers]
        asked: list[tuple[Literal["a", "b"], list[Piece]]] = []
        for number, cover in enumerate(covers):
            last = _minute(recent - number * ACTIVE_NOW)
            minutes = range(_minute(recent - (number + 1) * ACTIVE_NOW), last)
            asked += [("a", cover), ("b", cover), ("a", [Piece("m", one) for one in minutes])]
        counts = self._counters.people(self._generation, asked, channels)
        return [
            _window_totals(one, counts[3 * i : 3 * i + 3], channels) for i, one in enumerate(sums)
        ]

    def _sums_by_bucket(
        self, query: TimeseriesQuery, window: Window, starts: Sequence[datetime]
    ) -> tuple[dict[tuple[datetime, str], float], int]:
        cover = _cover_buckets(window, starts)
        values: dict[tuple[datetime, str], float] = {}
        events = 0
        for piece, sums in zip(cover, self._counters.sums(self._generation, cover), strict=True):
            start = starts[bisect_right(starts, _start(piece)) - 1]
            for key, value in _by_key(query, sums).items():
                values[start, key] = values.get((start, key), 0) + value
            events += sum(sums.events.values())
        return values, events

    def _active_by_bucket(
        self, query: TimeseriesQuery, window: Window, starts: Sequence[datetime]
    ) -> dict[tuple[datetime, str], float]:
        cover = _cover_buckets(window, starts)
        by_start: dict[datetime, list[Piece]] = {start: [] for start in starts}
        for piece in cover:
            by_start[starts[bisect_right(starts, _start(piece)) - 1]].append(piece)
        names: Sequence[str | None] = [None]
        if query.split_by == "channel":
            sums = total(self._counters.sums(self._generation, cover))
            names = sorted({channel for channel, _ in sums.events})
        values: dict[tuple[datetime, str], float] = {}
        for name in names:
            counts = self._counters.people(
                self._generation,
                [("a", mine) for mine in by_start.values()],
                query.channels if name is None else (name,),
            )
            for start, count in zip(by_start, counts, strict=True):
                if name is None or not query.channels or name in query.channels:
                    values[start, name or ""] = count
        return values

    def _envelope(
        self,
        slug: str,
        windows: Windows,
        now: datetime,
        newest: datetime | None,
        version: str,
        events: int,
    ) -> Envelope:
        return Envelope(
            schema_=f"{slug}/1",
            tenant=self._tenant.id,
            computed_at=now,
            as_of=newest,
            events_read=events,
            dataset_version=version,
            period=windows.this,
            compared_with=windows.before,
            currency=self._tenant.currency,
            timezone=self._tenant.timezone,
        )


def within_reach(windows: Windows, now: datetime) -> bool:
    """Whether whole minutes of the last 48 hours make up the windows."""
    reach = floor_minute(now) + MINUTE - timedelta(hours=WINDOW_HOURS)
    whole = all(
        floor_minute(edge) == edge
        for edge in (windows.this.start, windows.this.end, windows.earliest)
    )
    return whole and windows.earliest >= reach


def _minute(at: datetime) -> int:
    return microseconds(at) // MICROSECONDS_PER_MINUTE


def _start(piece: Piece) -> datetime:
    return instant(piece.start_minute * MICROSECONDS_PER_MINUTE)


def _cover(window: Window) -> list[Piece]:
    return pieces(_minute(window.start), _minute(window.end))


def _cover_buckets(window: Window, starts: Sequence[datetime]) -> list[Piece]:
    """Hours where buckets begin on whole hours only, else minutes."""
    if all(_minute(start) % 60 == 0 for start in starts):
        return _cover(window)
    return [Piece("m", minute) for minute in range(_minute(window.start), _minute(window.end))]


def _of(table: dict[str, int], channels: Sequence[str]) -> int:
    return sum(value for channel, value in table.items() if not channels or channel in channels)


def _window_totals(sums: Sums, people: Sequence[int], channels: Sequence[str]) -> Totals:
    counts: dict[str, int] = {}
    for (channel, kind), value in sums.events.items():
        if not channels or channel in channels:
            counts[kind] = counts.get(kind, 0) + value
    return Totals(
        events=sum(counts.values()),
        active_customers=people[0],
        buyers=people[1],
        active_now=people[2],
        new_customers=_of(sums.new_customers, channels),
        conversations=counts.get(CONVERSATION_STARTED, 0),
        messages=counts.get(MESSAGE, 0),
        purchases=counts.get(PURCHASE, 0),
        purchased_minor=_of(sums.purchased_minor, channels),
        refunded_minor=_of(sums.refunded_minor, channels),
    )


def _by_key(query: TimeseriesQuery, sums: Sums) -> dict[str, float]:
    """The metric's value in one piece, by the split's key ("" without a split)."""
    kinds = {
        "conversations": CONVERSATION_STARTED,
        "messages": MESSAGE,
        "purchases": PURCHASE,
    }
    values: dict[str, float] = {}

    def add(channel: str, key: str, value: int) -> None:
        if not query.channels or channel in query.channels:
            name = {"type": key, "channel": channel, None: ""}[query.split_by]
            values[name] = values.get(name, 0) + value

    if query.metric == "revenue_minor":
        for channel, value in sums.purchased_minor.items():
            add(channel, "", value)
        for channel, value in sums.refunded_minor.items():
            add(channel, "", -value)
    elif query.metric == "new_customers":
        for channel, value in sums.new_customers.items():
            add(channel, "", value)
    else:
        wanted = kinds.get(query.metric)
        for (channel, kind), value in sums.events.items():
            if wanted is None or kind == wanted:
                add(channel, kind, value)
    return values
