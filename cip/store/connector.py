"""The connector: tenant-scoped, typed reads of what is live and what is published."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, TypeVar

import orjson
from pydantic import ValidationError

from cip.domain.errors import CipError, CorruptValueError, InvalidInputError
from cip.domain.insights import Insight
from cip.domain.results import Result
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.live import LiveCounters
from cip.store.results import ResultStore

MAX_CACHED: Final = 2_000
T = TypeVar("T")


class StoredFailureError(CipError):
    """The last computation failed; what it said."""


class RecentValues:
    """An in-process cache. A key holds tenant, query and data version, so that an entry never
    goes wrong; the time to live bounds memory. One computation per key and process at a time."""

    def __init__(self, ttl_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl_seconds
        self._clock = clock
        self._entries: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._locks: dict[Hashable, Lock] = {}
        self._guard = Lock()
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The cached value, or what `make` returns (errors are not cached)."""
        found, value = self._find(key)
        if found:
            return value  # type: ignore[no-any-return]
        with self._guard:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            found, value = self._find(key)
            if not found:
                self.misses += 1
                try:
                    value = make()
                    self._keep(key, value)
                finally:
                    with self._guard:
                        self._locks.pop(key, None)
        return value  # type: ignore[no-any-return]

    def peek(self, key: Hashable) -> Any:
        """The cached value, None where there is none."""
        return self._find(key)[1]

    def keep(self, key: Hashable, value: object) -> None:
        self._keep(key, value)

    def _find(self, key: Hashable) -> tuple[bool, Any]:
        with self._guard:
            entry = self._entries.get(key)
            if entry is None or entry[0] < self._clock():
                return False, None
            self.hits += 1
            return True, entry[1]

    def _keep(self, key: Hashable, value: object) -> None:
        now = self._clock()
        with self._guard:
            self._entries[key] = (now + self._ttl, value)
            self._entries.move_to_end(key)
            while self._entries and (
                len(self._entries) > MAX_CACHED or next(iter(self._entries.values()))[0] < now
            ):
                self._entries.popitem(last=False)


class AnalyticsConnector:
    """One tenant's reads. Raises redis-py's errors when Redis is away, `CorruptValueError` for a
    published value that does not have its documented form."""

    def __init__(self, tenant: TenantId, reads: Redis, cache: RecentValues) -> None:
        self.tenant = tenant
        self.live = LiveCounters(reads, tenant)
        self._results = ResultStore(reads, tenant)
        self._cache = cache

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """`make`'s value, kept under this tenant and `key`, which must hold the data version."""
        return self._cache.get((self.tenant, key), make)

    def published(self, insight: Insight, name: str, version: object) -> Result[Any] | None:
        """A published result by the digest of its query; None where there is none yet."""
        return self.cached((insight.slug, name, version), lambda: self._read(insight, name))

    def _read(self, insight: Insight, name: str) -> Result[Any] | None:
        text = self._results.get(insight.slug, name)
        return (
            None
            if text is None
            else _parse(insight, text, keys.insight(self.tenant, insight.slug, name))
        )


def _parse(insight: Insight, text: bytes, key: str) -> Result[Any]:
    try:
        loaded = orjson.loads(text)
        failure = loaded.get("failure") if isinstance(loaded, dict) else None
        if isinstance(failure, dict):
            # What was wrong with the question is the asker's still, though a worker found it.
            kind = InvalidInputError if failure.get("invalid") else StoredFailureError
            raise kind(
                str(failure.get("message")),
                code=str(failure.get("code")),
                field=failure.get("field"),
            )
        return insight.parse_result(text)
    except orjson.JSONDecodeError as error:
        raise CorruptValueError("A published value is not JSON.", field=key) from error
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise CorruptValueError(
            f"A published value does not have its documented form: {error.errors()[0]['msg']}.",
            field=f"{key}: {place}",
        ) from error
