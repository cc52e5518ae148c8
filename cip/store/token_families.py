"""Refresh tokens of the API: each works once, and those of one sign-in stand and fall together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from cip.domain.events import microseconds
from cip.store import keys
from cip.store.client import Redis, required
from cip.store.revocations import ALL, KEPT_MS
from cip.store.scripts import script

REUSE_GRACE: Final = timedelta(seconds=10)
Spent = Literal["gone", "rotated", "just_spent", "reused"]
_ANSWERS: Final[tuple[Spent, ...]] = ("gone", "rotated", "just_spent", "reused")


@dataclass(frozen=True, slots=True)
class Family:
    """All refresh tokens that descend from one sign-in."""

    id: str
    username: str
    tenant: str


class TokenFamilies:
    """Raises `UnavailableError` when Redis is away: identity fails closed."""

    def __init__(self, reads: Redis, writes: Redis) -> None:
        self._reads = reads
        self._writes = writes

    def add(self, family: Family, token_id: str, life: timedelta) -> None:
        fields: dict[Any, Any] = {
            "username": family.username,
            "tenant": family.tenant,
            "current": token_id,
        }
        pipeline = self._writes.pipeline()
        pipeline.hset(keys.token_family(family.id), mapping=fields)
        pipeline.pexpire(keys.token_family(family.id), life // timedelta(milliseconds=1))
        with required():
            pipeline.execute()

    def find(self, family: str) -> Family | None:
        with required():
            found: Any = self._reads.hmget(keys.token_family(family), "username", "tenant")
        if None in found:
            return None
        return Family(family, found[0].decode(), found[1].decode())

    def spend(
        self, family: str, token_id: str, next_id: str, *, now: datetime, life: timedelta
    ) -> Spent:
        """Exactly one of many who present the same token gets `rotated`. One that was spent more
        than ten seconds ago was stolen, or its successor was: the family is revoked."""
        with required():
            answer: Any = script(self._writes, "rotate_token")(
                keys=[keys.token_family(family), keys.REVOCATIONS],
                args=[
                    token_id,
                    next_id,
                    microseconds(now) // 1_000,
                    life // timedelta(milliseconds=1),
                    int(REUSE_GRACE.total_seconds() * 1_000),
                    family,
                    KEPT_MS,
                    ALL,
                ],
            )
        return _ANSWERS[int(answer)]

    def end(self, family: str) -> bool:
        """Revokes the family and the access tokens that came by it."""
        with required():
            ended: Any = script(self._writes, "end_session")(
                keys=[keys.token_family(family), keys.sessions_of(""), keys.REVOCATIONS],
                args=[family, KEPT_MS, ALL],
            )
        return bool(ended)
