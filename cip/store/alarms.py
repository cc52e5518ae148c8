"""What stopped a consumer group of a tenant: kept until its next success."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from cip.domain.event_flow import Alarm
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis

# A group that stands still is tried again and again, which renews its alarm: one that nobody
# renews is of a tenant that is gone, or of a time without any ingest process.
LIFE_SECONDS: Final = 300


class Alarms:
    """Raises redis-py's errors: who raises or ends an alarm tries again with its next step."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self.tenant = tenant

    def keep(self, group: str, alarm: Alarm) -> None:
        """Puts the alarm in force in place of what was."""
        fields: dict[Any, Any] = {
            "since": alarm.since.isoformat(),
            "tries": alarm.tries,
            "kind": alarm.kind,
            "message": alarm.message,
        }
        key = keys.ingest_alarm(self.tenant, group)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hset(key, mapping=fields)
        pipeline.expire(key, LIFE_SECONDS)
        pipeline.execute()

    def end(self, group: str) -> None:
        self._client.delete(keys.ingest_alarm(self.tenant, group))


def parse(fields: dict[bytes, bytes]) -> Alarm | None:
    """The alarm that a hash holds; None without one, or where it is none of ours."""
    try:
        text = {name.decode(): value.decode() for name, value in fields.items()}
        return Alarm(
            datetime.fromisoformat(text["since"]).astimezone(UTC),
            int(text["tries"]),
            text["kind"],
            text["message"],
        )
    except (KeyError, ValueError):
        return None
