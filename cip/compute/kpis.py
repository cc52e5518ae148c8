"""`kpis` and `engagement` over the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cip.analytics.kpis import Totals, kpis
from cip.compute.context import Computed, Context
from cip.domain.periods import ACTIVE_NOW, as_of, recent_end, resolve
from cip.domain.queries import EngagementQuery, KpisQuery, duration
from cip.domain.results import Engagement, Window
from cip.history.query import rows


def compute_kpis(context: Context, query: KpisQuery) -> Computed:
    windows = resolve(query.period, now=context.now, newest=context.newest, compare=query.compare)
    recent = recent_end(windows, context.now)
    this = _totals(context, windows.this, recent, query.channels)
    before = (
        _totals(context, windows.before, recent - ACTIVE_NOW, query.channels)
        if windows.before
        else None
    )
    at = min(windows.this.end, context.now)
    length = windows.this.end - windows.this.start
    return Computed(
        kpis(
            this,
            before,
            engagement=_engagement(context, at, at - length),
            incomplete=windows.incomplete,
        ),
        events_read=this.events + (before.events if before else 0),
        period=windows.this,
        compared_with=windows.before,
    )


def compute_engagement(context: Context, query: EngagementQuery) -> Computed:
    at = query.as_of or as_of(context.now, context.newest)
    data = _engagement(context, at, at - duration(query.against))
    return Computed(data, events_read=0)


def _totals(context: Context, window: Window, recent: datetime, channels: Sequence[str]) -> Totals:
    found = rows(
        context.connection,
        "kpis",
        {
            "start_at": window.start,
            "end_at": window.end,
            "recent_end": recent,
            "channels": list(channels),
        },
    )[0]
    return Totals(**{name: int(value) for name, value in found.items()})


def _engagement(context: Context, at: datetime, before: datetime) -> Engagement:
    now, earlier = (
        rows(context.connection, "engagement", {"as_of": when, "zone": context.tenant.timezone})[0]
        for when in (at, before)
    )
    return Engagement(value=now["value"], before=earlier["value"], customers=int(now["customers"]))
