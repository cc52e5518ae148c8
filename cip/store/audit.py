"""The audit logs in Redis: appended to, read and checked, never changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import redis

from cip.domain.audit import AuditEntry, AuditEvent, Verification
from cip.domain.audit_chain import ChainCheck, Head, Keys, Link, extended, outdated
from cip.domain.errors import CorruptValueError, InvalidInputError, UnavailableError
from cip.domain.tenants import TenantId
from cip.store import keys as redis_keys
from cip.store.client import Redis, required
from cip.store.scripts import script

MAX_PAGE: Final = 1_000
_BATCH: Final = 500
# Each lost race means that another entry was written: so many writers at once there are not.
_TRIES: Final = 200
_TURN_SECONDS: Final = 0.25
_HEAD: Final = ("number", "hash", "kid", "seal")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_ENTRY_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}", re.ASCII)


class AuditStore:
    """A log per tenant, and the platform's own (None). Every method raises `UnavailableError`
    when Redis is away: what cannot be logged is not done."""

    def __init__(self, reads: Redis, writes: Redis) -> None:
        self._reads = reads
        self._append = script(writes, "append_audit")
        self._lock = Lock()

    def append(self, tenant: TenantId | None, event: AuditEvent, keys: Keys) -> AuditEntry:
        """Puts the event behind the newest entry, whoever else writes meanwhile.

        The script compares and appends; what is signed is computed here, so that the secret never
        reaches Redis. An answer that is lost leaves it open whether the entry stands.
        """
        with self._turn():
            return self._appended(tenant, event, keys)

    def head(self, tenant: TenantId | None) -> Head:
        """Number and hash of the newest entry."""
        _, head_key = _keys(tenant)
        with required():
            values: Any = self._reads.hmget(head_key, list(_HEAD))
        return _head(values)

    def outdated(self, tenant: TenantId | None, keys: Keys) -> bool:
        """Whether the head is sealed by the secret before, and breaks once that is forgotten."""
        return outdated(self.head(tenant), _name(tenant), keys)

    def page(
        self, tenant: TenantId | None, *, before: str | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """At most `limit` entries older than the entry id `before`, newest first; unchecked."""
        if before is not None and not _ENTRY_ID.fullmatch(before):
            raise InvalidInputError("That is not the id of an entry.", field="before")
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"From 1 to {MAX_PAGE} entries a page.", field="limit")
        stream, _ = _keys(tenant)
        newest = "+" if before is None else f"({before}"
        with required():
            found: Any = self._reads.xrevrange(stream, max=newest, count=limit)
        return [_entry(link) for link in _links(found)]

    def walk(self, tenant: TenantId | None) -> Iterator[AuditEntry]:
        """All entries, oldest first, read in batches; unchecked."""
        for batch, _ in self._batches(tenant):
            yield from map(_entry, _links(batch))

    def verify(self, tenant: TenantId | None, keys: Keys) -> Verification:
        """Whether every entry follows the one before it, and the head is that of the last."""
        check = ChainCheck(_name(tenant), keys)
        head: Any = (None,) * len(_HEAD)
        try:
            for batch, beside in self._batches(tenant):
                for link in _links(batch):
                    if (problem := check.take(link)) is not None:
                        return problem
                head = beside
            return check.finish(_head(head))
        except CorruptValueError as error:
            return check.unreadable(error.field or "head")

    def _appended(self, tenant: TenantId | None, event: AuditEvent, keys: Keys) -> AuditEntry:
        body = event.canonical()
        head = self.head(tenant)
        for _ in range(_TRIES):
            new = extended(head, _name(tenant), body, keys)
            arguments: list[int | str] = [head.number, head.hash]
            arguments += [new.number, new.hash, new.key_id, new.seal, body]
            with required():
                answer: Any = self._append(keys=list(_keys(tenant)), args=arguments)
            if answer[0]:
                return AuditEntry(_text(answer[0]), new.number, event, new.hash)
            head = _head(answer[1:])
        raise UnavailableError("The audit log is written to by too many at once.")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Lets the threads of one process append in turn, which only spares them lost races: who
        waits too long goes ahead, so that a stalled Redis does not make a queue."""
        mine = self._lock.acquire(timeout=_TURN_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._lock.release()

    def _batches(self, tenant: TenantId | None) -> Iterator[tuple[list[Any], Any]]:
        """Batches of raw entries, each with the head as it was at the same moment: the last one's
        belongs to the last entry, also while others append."""
        stream, head_key = _keys(tenant)
        after = "-"
        while True:
            with required():
                together = self._reads.pipeline(transaction=True)
                together.xrange(stream, min=after, count=_BATCH)
                together.hmget(head_key, list(_HEAD))
                try:
                    entries, head = together.execute()
                except redis.ResponseError as error:  # another type of value under this name
                    raise CorruptValueError(
                        "The audit log cannot be read.", field=stream
                    ) from error
            yield entries, head
            if len(entries) < _BATCH:
                return
            after = f"({_text(entries[-1][0])}"


def _name(tenant: TenantId | None) -> str:
    """What binds an entry to its log. No tenant has an empty id."""
    return tenant or ""


def _keys(tenant: TenantId | None) -> tuple[str, str]:
    if tenant is None:
        return redis_keys.AUDIT, redis_keys.AUDIT_HEAD
    return redis_keys.audit(tenant), redis_keys.audit_head(tenant)


def _text(value: bytes | None) -> str:
    """Byte for byte, whatever was written there."""
    return "" if value is None else bytes(value).decode(errors="surrogateescape")


def _head(values: Any) -> Head:
    number, digest, key_id, seal = map(_text, values)
    if not _NUMBER.fullmatch(number or "0"):
        raise CorruptValueError("The head of an audit log has no number.", field="head")
    return Head(int(number or "0"), digest, key_id, seal)


def _links(found: list[Any]) -> Iterator[Link]:
    for entry_id, fields in found:
        number = _text(fields.get(b"n"))
        if not _NUMBER.fullmatch(number):
            raise _unreadable(_text(entry_id))
        key_id, digest, body = (_text(fields.get(name)) for name in (b"k", b"h", b"e"))
        yield Link(_text(entry_id), int(number), key_id, digest, body)


def _entry(link: Link) -> AuditEntry:
    try:
        event = AuditEvent.model_validate_json(link.body)
    except ValueError as error:
        raise _unreadable(link.id) from error
    return AuditEntry(link.id, link.number, event, link.hash)


def _unreadable(entry_id: str) -> CorruptValueError:
    return CorruptValueError(
        f"The audit log holds an entry that cannot be read ({entry_id}).", field=entry_id
    )
