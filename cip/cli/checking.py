"""What `cip verify` and `cip rebuild` share: the tenant, the patient client, and their words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from cip.cli.shell import explained, read_settings, say
from cip.domain.errors import CorruptValueError, UnavailableError
from cip.domain.tenants import TenantId, tenant_id
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, Redis, connect_for_writes, required
from cip.store.live_shape import SEP
from cip.store.tenants import TenantStore

if TYPE_CHECKING:
    from cip.ingest.differences import Value
    from cip.ingest.verify import Verification

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Errand:
    """Whose counters are counted again, and where everything is."""

    client: Redis
    history_root: str
    tenant: TenantId

    def verify(self) -> Verification:
        from cip.ingest.verify import verify  # heavy: the history

        with _history():
            return verify(self.client, self.history_root, self.tenant, now)

    def rebuild(self) -> int:
        from cip.ingest.rebuild import rebuild_live

        with _history():
            return rebuild_live(self.client, self.history_root, self.tenant, now)


@contextmanager
def errand(name: str) -> Iterator[Errand]:
    """Ends the command with one line where there is no such tenant or no store, or where something
    else of the kind is under way."""
    settings = read_settings()
    with explained():
        tenant = tenant_id(name)
        client = connect_for_writes(settings.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
        try:
            TenantStore(client, client).get(tenant)
            with required(), _readable():
                yield Errand(client, settings.history_url, tenant)
        finally:
            client.close()


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise CorruptValueError(f"What the store holds cannot be read: {error}.") from error


@contextmanager
def _history() -> Iterator[None]:
    from deltalake.exceptions import DeltaError
    from duckdb import Error as QueryError

    try:
        yield
    except (DeltaError, QueryError, OSError) as error:
        raise UnavailableError(f"The history cannot be read: {error}") from error


def now() -> datetime:
    return datetime.now(UTC)


def tell(found: Verification) -> None:
    """What a check found, for people."""
    say(
        f"{found.tenant}: compared {found.compared:,} counters with {found.events:,} events, "
        f"up to {found.stream_id}."
    )
    for one in found.differences[:_SHOWN]:
        place = " ".join((one.bucket, *one.field.split(SEP)))
        say(f"  {place}: live {_shown(one.live)}, recount {_shown(one.recount)}")
    if found.differing > _SHOWN:
        say(f"  and {found.differing - _SHOWN:,} more")
    if found.differing:
        say(f"{found.differing:,} differ, by {found.total_difference:,} altogether.")
    if found.repeated_event_ids:
        say(f"The history holds {found.repeated_event_ids:,} event ids twice.")
    if found.repeated_positions:
        say(f"The history holds {found.repeated_positions:,} stream positions twice.")
    if found.group_ahead:
        say("The stream's group `history` has passed events that the history does not hold.")
    if found.equal:
        say("All equal.")


def _shown(value: Value) -> str:
    if value is None:
        return "none"
    return value.replace(SEP, " ") if isinstance(value, str) else f"{value:,}"
