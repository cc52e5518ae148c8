"""Every Redis key of the platform. A tenant's keys carry the tenant in literal braces, so that
they share one slot of a Redis Cluster and one script may touch several of them."""

from __future__ import annotations

from typing import Final

from cip.domain.tenants import TenantId

# The platform's own keys: of no tenant, never in one command with a tenant's.
TENANTS: Final = "platform:tenants"
USERS: Final = "platform:users"
API_KEYS: Final = "platform:api_keys"


def heartbeat(process: str) -> str:
    """When a kind of process last said that it lives; expires by itself."""
    return f"platform:heartbeat:{process}"


def events(tenant: TenantId) -> str:
    """The stream of accepted events."""
    return f"events:{{{tenant}}}"


def seen(tenant: TenantId) -> str:
    """Digests of event ids of the current half of the dedupe window."""
    return f"events:{{{tenant}}}:seen"


def seen_before(tenant: TenantId) -> str:
    """Digests of event ids of the half before."""
    return f"events:{{{tenant}}}:seen_before"


def seen_rotated(tenant: TenantId) -> str:
    """When the two sets last changed places."""
    return f"events:{{{tenant}}}:seen_rotated"


def dead_letters(tenant: TenantId) -> str:
    """The stream of events that no consumer could read."""
    return f"events:{{{tenant}}}:dead"


def dead_letter_ids(tenant: TenantId) -> str:
    """Stream ids that have a dead letter already, so that two groups write one."""
    return f"events:{{{tenant}}}:dead_ids"


def ingest_lease(tenant: TenantId) -> str:
    """Which ingest process owns the tenant's stream."""
    return f"ingest:{{{tenant}}}:lease"


def history_position(tenant: TenantId) -> str:
    """The packed stream id up to which the history is durable."""
    return f"ingest:{{{tenant}}}:history_position"


def version(tenant: TenantId) -> str:
    """Grows with every change that a page could show."""
    return f"version:{{{tenant}}}"


def live_generation(tenant: TenantId) -> str:
    """Which generation of the live counters is in force."""
    return f"live:{{{tenant}}}:generation"


def live_paused(tenant: TenantId) -> str:
    """Set while the live counters are rebuilt: batches wait."""
    return f"live:{{{tenant}}}:paused"


def live(tenant: TenantId, generation: int) -> str:
    """Prefix of one generation's counters; the script appends kind and bucket."""
    return f"live:{{{tenant}}}:{generation}:"


def live_counts(tenant: TenantId, generation: int, unit: str, bucket: int) -> str:
    """Hash of sums of one minute (`m`) or hour (`h`), numbered since 1970."""
    return f"{live(tenant, generation)}{unit}:{bucket}"


def live_people(
    tenant: TenantId, generation: int, unit: str, who: str, bucket: int, channel: str | None
) -> str:
    """HyperLogLog of the active (`a`) customers or buyers (`b`) of a minute or hour."""
    suffix = "" if channel is None else f":{channel}"
    return f"{live(tenant, generation)}{unit}{who}:{bucket}{suffix}"


def first_seen(tenant: TenantId, generation: int) -> str:
    """Hash: customer → instant and channel of the first event ever."""
    return f"{live(tenant, generation)}first_seen"


def live_meta(tenant: TenantId, generation: int) -> str:
    """Hash: newest event, number of events applied."""
    return f"{live(tenant, generation)}meta"


def insight(tenant: TenantId, slug: str, digest: str) -> str:
    """A cached result, by the digest of its query and of the data's generation."""
    return f"insight:{{{tenant}}}:{slug}:{digest}"


def insight_lease(tenant: TenantId, slug: str, digest: str) -> str:
    """Held by whoever has one computation under way."""
    return f"insight:{{{tenant}}}:{slug}:{digest}:lease"
