"""Compares a tenant's live counters with a recount of its history: the one judge of both."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from cip.domain.events import microseconds
from cip.domain.tenants import TenantId
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.ingest.recount import Recount, first_seen, recount
from cip.store import keys
from cip.store.client import Redis
from cip.store.live import MICROSECONDS_PER_MINUTE, SEP, LiveCounters

_EVERYTHING: Final = 2**63 - 1
_SCRATCH: Final = "scratch"
_CHUNK: Final = 500

Sums = dict[str, dict[str, int]]


def counters_equal_history(
    client: Redis, history_root: str, tenant: TenantId, now: datetime
) -> int:
    """Asserts that every live counter equals a recount of the history; the events counted."""
    generation = LiveCounters(client, tenant).generation()
    now_minute = microseconds(now) // MICROSECONDS_PER_MINUTE
    with connect(HistoryTable(history_root, tenant)) as connection:
        wanted = recount(connection, position=_EVERYTHING, now_minute=now_minute)
        chunks = list(first_seen(connection, position=_EVERYTHING))
    prefix = keys.live(tenant, generation)
    assert _live_sums(client, prefix) == _without_zeros(wanted.sums)
    _people_are(client, prefix, wanted)
    assert _live_first_seen(client, tenant, generation) == {
        customer: first for chunk in chunks for customer, first in chunk.items()
    }
    meta: Any = client.hgetall(keys.live_meta(tenant, generation))
    assert int(meta.get(b"applied", 0)) == wanted.applied
    return wanted.applied


def _without_zeros(sums: Sums) -> Sums:
    """A count that was moved elsewhere leaves a zero, which says the same as no field."""
    kept = {
        key: {name: value for name, value in fields.items() if value}
        for key, fields in sums.items()
    }
    return {key: fields for key, fields in kept.items() if fields}


def _live_sums(client: Redis, prefix: str) -> Sums:
    found: Sums = {}
    for key in client.scan_iter(f"{prefix}[mh]:*", count=1_000):
        fields: Any = client.hgetall(key)
        found[key.decode().removeprefix(prefix)] = {
            name.decode(): int(value) for name, value in fields.items()
        }
    return _without_zeros(found)


def _people_are(client: Redis, prefix: str, wanted: Recount) -> None:
    """HyperLogLogs of the same customers are compared by their estimates, which are exact there."""
    live = client.scan_iter(f"{prefix}[mh][ab]:*", count=1_000)
    assert {key.decode().removeprefix(prefix) for key in live} == set(wanted.people)
    names = sorted(wanted.people)
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        pipeline = client.pipeline(transaction=False)
        for name in chunk:
            pipeline.delete(_SCRATCH)
            pipeline.pfadd(_SCRATCH, *wanted.people[name])
            pipeline.pfcount(prefix + name)
            pipeline.pfcount(_SCRATCH)
        pipeline.delete(_SCRATCH)
        answers = pipeline.execute()
        for place, name in enumerate(chunk):
            kept, counted = answers[4 * place + 2 : 4 * place + 4]
            assert kept == counted, name


def _live_first_seen(
    client: Redis, tenant: TenantId, generation: int
) -> dict[str, tuple[int, str]]:
    fields: Any = client.hgetall(keys.first_seen(tenant, generation))
    found = {}
    for customer, value in fields.items():
        first_us, _, channel = value.decode().partition(SEP)
        found[customer.decode()] = (int(first_us), channel)
    return found
