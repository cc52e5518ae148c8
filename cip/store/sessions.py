"""Browser sessions in Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cip.domain.errors import CorruptValueError
from cip.domain.sessions import REMEMBERED, Session
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis, required
from cip.store.revocations import ALL, KEPT_MS
from cip.store.scripts import script


class SessionStore:
    """Raises `UnavailableError` when Redis is away: identity fails closed."""

    def __init__(self, reads: Redis, writes: Redis) -> None:
        self._reads = reads
        self._writes = writes

    def add(self, session: Session) -> None:
        fields: dict[Any, Any] = {
            name: str(value) for name, value in session.model_dump(mode="json").items()
        }
        pipeline = self._writes.pipeline()
        pipeline.hset(keys.session(session.id), mapping=fields)
        pipeline.pexpire(keys.session(session.id), _life_ms(session))
        pipeline.sadd(keys.sessions_of(session.username), session.id)
        # As long as the longest session in it could last.
        pipeline.pexpire(keys.sessions_of(session.username), REMEMBERED)
        with required():
            pipeline.execute()

    def find(self, session_id: str) -> Session | None:
        with required():
            fields: Any = self._reads.hgetall(keys.session(session_id))
        return _session(fields) if fields else None

    def of(self, username: str) -> list[Session]:
        """The user's sessions, newest first. Forgets the ids of those that ended by themselves."""
        index = keys.sessions_of(username)
        with required():
            ids: Any = self._reads.smembers(index)
            found = [(name, self.find(name.decode())) for name in ids]
            if gone := [name for name, session in found if session is None]:
                self._writes.srem(index, *gone)
        sessions = [session for _, session in found if session is not None]
        return sorted(sessions, key=lambda session: session.created_at, reverse=True)

    def seen(self, session: Session) -> bool:
        """Keeps `seen_at`; False when the session has ended."""
        at = session.model_dump(mode="json")["seen_at"]
        return self._change(session, "seen_at", at, life_ms=_life_ms(session))

    def enter(self, session: Session, tenant: TenantId) -> bool:
        """Moves the session to another tenant; False when it has ended."""
        return self._change(session, "tenant", tenant)

    def end(self, session: Session) -> bool:
        """Ends it at once, on every worker within a second; whether it was still there."""
        with required():
            ended: Any = script(self._writes, "end_session")(
                keys=[
                    keys.session(session.id),
                    keys.sessions_of(session.username),
                    keys.REVOCATIONS,
                ],
                args=[session.id, KEPT_MS, ALL],
            )
        return bool(ended)

    def _change(self, session: Session, field: str, value: str, life_ms: int = 0) -> bool:
        with required():
            changed: Any = script(self._writes, "change_session")(
                keys=[keys.session(session.id)], args=[life_ms, field, value]
            )
        return bool(changed)


def _life_ms(session: Session) -> int:
    """From the last activity to its end; Redis counts from now, by its own clock."""
    return (session.ends_at - session.seen_at) // timedelta(milliseconds=1)


def _session(fields: dict[bytes, bytes]) -> Session:
    texts = {name.decode(): value.decode() for name, value in fields.items()}
    try:
        return Session.model_validate(texts)
    except ValueError as error:
        raise CorruptValueError(
            "A session is stored in a form that cannot be read.", field="session"
        ) from error
