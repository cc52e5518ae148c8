"""Asserts that a tenant's live counters equal a recount of its history: the one judge of both is
the check that operators run."""

from __future__ import annotations

from datetime import datetime

from cip.domain.tenants import TenantId
from cip.ingest.verify import verify
from cip.store.client import Redis
from cip.store.streams import EventStream


def counters_equal_history(
    client: Redis, history_root: str, tenant: TenantId, now: datetime
) -> int:
    """The events counted, where both groups have consumed everything."""
    assert EventStream(client, tenant).backlog("live") == 0
    found = verify(client, history_root, tenant, lambda: now)
    assert found.differences == ()
    assert found.equal, found
    return found.events
