"""Runs one insight: history → analytics → a published result with its envelope."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from cip.compute.context import Computed, Context
from cip.compute.kpis import compute_engagement, compute_kpis
from cip.compute.rfm import compute_rfm
from cip.compute.timeseries import compute_timeseries
from cip.domain.queries import Query
from cip.domain.results import Envelope, Result
from cip.domain.tenants import Tenant
from cip.history.query import connect, rows
from cip.history.table import HistoryTable

Compute = Callable[[Context, Any], Computed]
COMPUTE: Final = MappingProxyType[str, Compute](
    {
        "kpis": compute_kpis,
        "timeseries": compute_timeseries,
        "rfm": compute_rfm,
        "engagement": compute_engagement,
    }
)
SCHEMA_VERSION: Final = "1"


def run(
    slug: str,
    query: Query,
    *,
    tenant: Tenant,
    history_root: str,
    generation: int,
    now: datetime,
) -> Result[Any]:
    """Computes the insight on the newest version of the tenant's history."""
    table = HistoryTable(history_root, tenant.id)
    table.ensure()
    with connect(table) as connection:
        extent = rows(connection, "extent", {})[0]
        newest = extent["newest"]
        context = Context(tenant, connection, now, newest.astimezone(UTC) if newest else None)
        computed = COMPUTE[slug](context, query)
    return Result(
        envelope=Envelope(
            schema_=f"{slug}/{SCHEMA_VERSION}",
            tenant=tenant.id,
            computed_at=now,
            as_of=context.newest,
            events_read=computed.events_read,
            dataset_version=f"{generation}.{table.version()}",
            source="live",
            period=computed.period,
            compared_with=computed.compared_with,
            currency=tenant.currency,
            timezone=tenant.timezone,
        ),
        data=computed.data,
    )
