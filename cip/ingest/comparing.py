"""Every live counter of a tenant beside its recount. Bounded in memory: an hour, or a chunk of
customers, at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from duckdb import DuckDBPyConnection

from cip.domain.tenants import TenantId
from cip.history.query import rows
from cip.ingest.differences import Differences
from cip.ingest.recount import Hour, first_seen, hours
from cip.store import keys
from cip.store.client import Redis
from cip.store.live_shape import SEP

_CHUNK: Final = 500
_MEMBERS: Final = 5_000  # of one PFADD, which blocks everyone


def compare_all(
    found: Differences,
    reader: LiveReader,
    connection: DuckDBPyConnection,
    position: int,
    first_minute: int,
) -> int:
    """Adds to `found`; how many rows the history has up to the packed position."""
    events = _compare_meta(found, reader, connection, position)
    kept = reader.buckets(first_minute)
    for number, hour in hours(connection, position=position, first_minute=first_minute):
        _compare_hour(found, reader, hour, kept.pop(number, set()))
    for names in kept.values():
        _compare_hour(found, reader, Hour(), names)
    _compare_first_seen(found, reader, connection, position)
    return events


class LiveReader:
    """One generation of a tenant's counters, as they are stored. Raises redis-py's errors."""

    def __init__(self, client: Redis, tenant: TenantId, generation: int) -> None:
        self._client = client
        self._prefix = keys.live(tenant, generation)
        self._scratch = keys.live_scratch(tenant)
        self._meta = keys.live_meta(tenant, generation)
        self._first_seen = keys.first_seen(tenant, generation)

    def buckets(self, first_minute: int) -> dict[int, set[str]]:
        """The names of the buckets from `first_minute` on, by their hour."""
        by_hour: dict[int, set[str]] = defaultdict(set)
        for key in self._client.scan_iter(f"{self._prefix}[mh]*:*", count=1_000):
            name = key.decode().removeprefix(self._prefix)
            unit, number = name.split(":")[:2]
            hour = int(number) // 60 if unit[0] == "m" else int(number)
            if hour * 60 >= first_minute:
                by_hour[hour].add(name)
        return by_hour

    def sums(self, names: list[str]) -> Iterator[tuple[str, dict[str, int]]]:
        for some in _chunks(names, _CHUNK):
            pipeline = self._client.pipeline(transaction=False)
            for name in some:
                pipeline.hgetall(self._prefix + name)
            found: list[Any] = pipeline.execute()
            for name, fields in zip(some, found, strict=True):
                yield name, {key.decode(): int(value) for key, value in fields.items()}

    def estimates(self, people: Mapping[str, set[str]]) -> Iterator[tuple[str, int, int]]:
        """(bucket, its estimate, that of these members): of the same members they are equal."""
        for names in _chunks(people, _CHUNK):
            pipeline = self._client.pipeline(transaction=False)
            for name in names:
                pipeline.delete(self._scratch)  # a killed check may have left it
                for members in _chunks(people[name], _MEMBERS):
                    pipeline.pfadd(self._scratch, *members)
                pipeline.pfcount(self._scratch)
                pipeline.pfcount(self._prefix + name)
            pipeline.delete(self._scratch)
            answers = pipeline.execute()
            places = _places(len(people[name]) for name in names)
            for name, place in zip(names, places, strict=True):
                yield name, int(answers[place + 1]), int(answers[place])

    def meta(self) -> dict[str, int]:
        fields: Any = self._client.hgetall(self._meta)
        return {name.decode(): int(value) for name, value in fields.items()}

    def first_seen(self, customers: list[str]) -> list[str | None]:
        found: Any = self._client.hmget(self._first_seen, customers)
        return [None if value is None else value.decode() for value in found]

    def customers(self) -> int:
        return int(self._client.hlen(self._first_seen))

    def each_customer(self) -> Iterator[str]:
        for name, _ in self._client.hscan_iter(self._first_seen, count=1_000):
            yield name.decode()


def _compare_meta(
    found: Differences, reader: LiveReader, connection: DuckDBPyConnection, position: int
) -> int:
    live = reader.meta()
    (whole,) = rows(connection, "live_extent", {"position": position})
    for name in ("applied", "late", "newest_us"):
        found.compare("meta", name, live.get(name), whole[name])
    return int(whole["applied"])


def _compare_hour(found: Differences, reader: LiveReader, hour: Hour, kept: set[str]) -> None:
    names = sorted(_of_sums(kept) | hour.sums.keys())
    for name, live in reader.sums(names):
        wanted = hour.sums.get(name, {})
        for counter in sorted(live.keys() | wanted.keys()):
            found.compare(name, counter, live.get(counter), wanted.get(counter))
    everybody = {name: set[str]() for name in kept - _of_sums(kept)} | hour.people
    for name, live_count, counted in reader.estimates(everybody):
        found.compare(name, "customers", live_count, counted)


def _of_sums(names: set[str]) -> set[str]:
    return {name for name in names if name[1] == ":"}


def _compare_first_seen(
    found: Differences, reader: LiveReader, connection: DuckDBPyConnection, position: int
) -> None:
    known = 0
    for chunk in first_seen(connection, position=position):
        for customers in _chunks(chunk, _CHUNK):
            for customer, live in zip(customers, reader.first_seen(customers), strict=True):
                first_us, channel = chunk[customer]
                known += live is not None
                found.compare("first_seen", customer, live, f"{first_us}{SEP}{channel}")
    if reader.customers() > known:
        _compare_strangers(found, reader, connection, position)


def _compare_strangers(
    found: Differences, reader: LiveReader, connection: DuckDBPyConnection, position: int
) -> None:
    """Customers that the live counters know and the history does not."""
    for customers in _chunks(reader.each_customer(), _MEMBERS):
        values = {"customers": customers, "position": position}
        known = {row["customer_id"] for row in rows(connection, "known_customers", values)}
        for customer in customers:
            if customer not in known:
                (live,) = reader.first_seen([customer])
                found.compare("first_seen", customer, live, None)


def _places(sizes: Iterable[int]) -> Iterator[int]:
    """Where in the answers each bucket's own estimate of its members is."""
    at = 0
    for size in sizes:
        adds = -(-size // _MEMBERS)
        yield at + 1 + adds
        at += adds + 3


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
