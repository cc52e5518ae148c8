"""`rfm` over the history."""

from __future__ import annotations

from cip.analytics.rfm import rfm
from cip.compute.context import Computed, Context
from cip.domain.money import minor_per_major
from cip.domain.periods import as_of
from cip.domain.queries import RfmQuery
from cip.history.query import frame


def compute_rfm(context: Context, query: RfmQuery) -> Computed:
    at = query.as_of or as_of(context.now, context.newest)
    customers = frame(
        context.connection,
        "purchases_by_customer",
        {"as_of": at, "zone": context.tenant.timezone},
    )
    data = rfm(
        customers, query.method, at, minor_per_major=minor_per_major(context.tenant.currency)
    )
    return Computed(data, events_read=int(customers["purchases"].sum()))
