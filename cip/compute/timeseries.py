"""`timeseries` over the history."""

from __future__ import annotations

from cip.analytics.timeseries import timeseries
from cip.compute.context import Computed, Context
from cip.domain.buckets import boundaries
from cip.domain.periods import resolve
from cip.domain.queries import TimeseriesQuery
from cip.history.query import rows


def compute_timeseries(context: Context, query: TimeseriesQuery) -> Computed:
    windows = resolve(query.period, now=context.now, newest=context.newest, compare="none")
    bounds = boundaries(
        query.bucket,
        windows.this,
        context.tenant.zone,
        week_starts_on_sunday=context.tenant.week_start == "sunday",
    )
    found = rows(
        context.connection,
        "new_customers" if query.metric == "new_customers" else "timeseries",
        {
            "start_at": windows.this.start,
            "end_at": windows.this.end,
            "edges": bounds[:-1],
            "split": query.split_by or "",
            "channels": list(query.channels),
        },
    )
    data = timeseries(
        query.metric,
        query.bucket,
        bounds,
        {(row["bucket"], row["key"]): float(row[query.metric]) for row in found},
        split=query.split_by is not None,
        since=windows.this.start,
        over_until=min(context.now, windows.this.end),
    )
    events = sum(int(row.get("events", row.get("new_customers", 0))) for row in found)
    return Computed(data, events_read=events, period=windows.this)
