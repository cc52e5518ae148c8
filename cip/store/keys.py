"""Every Redis key of the platform. A tenant's keys carry the tenant in literal braces, so that
they share one slot of a Redis Cluster and one script may touch several of them."""

from __future__ import annotations

from typing import Final

from cip.domain.tenants import TenantId

# The platform's own keys: of no tenant, never in one command with a tenant's.
# They share a slot too: a record and the revocation that its change means are written as one.
TENANTS: Final = "{platform}:tenants"
USERS: Final = "{platform}:users"
API_KEYS: Final = "{platform}:api_keys"
INVITATIONS: Final = "{platform}:invitations"
REVOCATIONS: Final = "{platform}:revocations"
TENANTS_BEING_REMOVED: Final = "{platform}:tenants_being_removed"
# Apart: no command touches two buckets of tries, so each may lie in a slot of its own.
TRIES_OF_EVERYONE: Final = "platform:tries:everyone"
# What the disks have left, as the ingest processes see them; expires by itself.
STORAGE: Final = "platform:storage"
AUDIT: Final = "{platform}:audit"
AUDIT_HEAD: Final = "{platform}:audit:head"


def session(session_id: str) -> str:
    """Hash: one browser session, by the digest of what its cookie holds."""
    return f"{{platform}}:session:{session_id}"


def sessions_of(username: str) -> str:
    """Set: the ids of a user's browser sessions, some of them ended."""
    return f"{{platform}}:sessions:{username}"


def token_family(family: str) -> str:
    """Hash: the API's refresh tokens that descend from one sign-in."""
    return f"{{platform}}:tokens:{family}"


def api_key_used(key_id: str) -> str:
    """When a key was last used, to the minute."""
    return f"{{platform}}:api_key_used:{key_id}"


def tries_of_user(user: str) -> str:
    """List: when somebody tried to sign in as a user, by the digest of the name."""
    return f"platform:tries:user:{user}"


def tries_of_owner(user: str, address: str) -> str:
    """List: the same from an address that the user is known to sign in from."""
    return f"platform:tries:owner:{user}:{address}"


def tries_of_address(address: str) -> str:
    """List: when somebody tried to sign in from an address, by its digest."""
    return f"platform:tries:address:{address}"


def known_addresses(user: str) -> str:
    """Sorted set: digests of the addresses a user signed in from, by the last time."""
    return f"platform:known_addresses:{user}"


def heartbeat(process: str) -> str:
    """When a kind of process last said that it lives; expires by itself."""
    return f"platform:heartbeat:{process}"


def processes(kind: str) -> str:
    """Sorted set: the processes of a kind by when each last said that it lives (server's ms)."""
    return f"platform:processes:{kind}"


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


def tombstones(tenant: TenantId) -> str:
    """Hash: digest of an erased customer's id → instant up to which events are dropped."""
    return f"erasure:{{{tenant}}}:tombstones"


def tombstones_version(tenant: TenantId) -> str:
    """Grows with each tombstone."""
    return f"erasure:{{{tenant}}}:version"


def tombstone_keys(tenant: TenantId) -> str:
    """Hash: the random keys of the tombstones' digests, by what names each."""
    return f"erasure:{{{tenant}}}:keys"


def erasures(tenant: TenantId) -> str:
    """Hash: id → erasure, with what was done where and when."""
    return f"erasure:{{{tenant}}}:records"


def erasures_open(tenant: TenantId) -> str:
    """Set: the ids of erasures that are not completed."""
    return f"erasure:{{{tenant}}}:open"


def erasure_lease(tenant: TenantId) -> str:
    """Held by whoever works the tenant's erasures off."""
    return f"erasure:{{{tenant}}}:lease"


def dead_letter_digests(tenant: TenantId) -> str:
    """Digests of rejected events that have a dead letter now."""
    return f"events:{{{tenant}}}:dead_digests"


def dead_letter_counts(tenant: TenantId) -> str:
    """Hash: dead letters and their bytes by source, dead letters by reason, and how many were not
    kept."""
    return f"events:{{{tenant}}}:dead_counts"


def dead_letter_index(tenant: TenantId) -> str:
    """Sorted set, all of one score: reason and id of each dead letter, in the order of letters."""
    return f"events:{{{tenant}}}:dead_index"


def ingest_lease(tenant: TenantId) -> str:
    """Which ingest process owns the tenant's stream."""
    return f"ingest:{{{tenant}}}:lease"


def ingest_alarm(tenant: TenantId, group: str) -> str:
    """Hash: why a consumer group stands still for the tenant; none while it runs."""
    return f"ingest:{{{tenant}}}:alarm:{group}"


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


def live_scratch(tenant: TenantId) -> str:
    """HyperLogLog that a check counts again; lasts no longer than one comparison."""
    return f"live:{{{tenant}}}:scratch"


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


def requests_of(tenant: TenantId, caller: str, what: str) -> str:
    """When all requests of a kind that a caller may send are free again."""
    return f"requests:{{{tenant}}}:{what}:{caller}"


def live_pattern(tenant: TenantId) -> str:
    """What `SCAN` matches: the counters of all generations."""
    return f"live:{{{tenant}}}:*"


def result_patterns(tenant: TenantId) -> tuple[str, ...]:
    """What `SCAN` matches: cached and published results."""
    published = ("conversation_analytics", "customer_segments", "customer_journeys")
    return (
        f"insight:{{{tenant}}}:*",
        f"analytics:metrics:{{{tenant}}}:*",
        *(f"{name}:{{{tenant}}}" for name in (*published, "predictive_scores")),
    )


def audit(tenant: TenantId) -> str:
    """The stream of the tenant's audit log."""
    return f"audit:{{{tenant}}}"


def audit_head(tenant: TenantId) -> str:
    """Hash: number, hash, key id and seal of the audit log's last entry."""
    return f"audit:{{{tenant}}}:head"


def pattern_of(tenant: TenantId) -> str:
    """What `SCAN` matches: all of the tenant's keys, and maybe others (see `is_of`)."""
    return f"*:{{{tenant}}}*"


def is_of(tenant: TenantId, key: str) -> bool:
    """Whether the key is the tenant's: a word, the tenant in braces, and nothing or a colon."""
    word, _, rest = key.partition(":")
    owner, _, _ = rest.partition(":")
    return "{" not in word and owner == f"{{{tenant}}}"
