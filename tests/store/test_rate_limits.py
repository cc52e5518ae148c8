"""The requests that a caller may send: exactly so many, whoever asks at once, and then in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cip.domain.errors import UnavailableError
from cip.domain.tenants import tenant_id
from cip.store import keys
from cip.store.client import connect_for_writes
from cip.store.rate_limits import KEPT_SECONDS, Allowance, RateLimits
from tests.factories import Clock

ACME = tenant_id("acme")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(redis_url: str, clock: Clock) -> RateLimits:
    return RateLimits(connect_for_writes(redis_url), clock)


def test_so_many_pass_and_no_more(limits: RateLimits) -> None:
    taken = [limits.take(ACME, "key:a", "events", 3) for _ in range(5)]
    assert taken == [
        Allowance(3, 2, 20, 0),
        Allowance(3, 1, 40, 0),
        Allowance(3, 0, 60, 0),
        Allowance(3, 0, 60, 20),
        Allowance(3, 0, 60, 20),
    ]


def test_they_come_back_one_by_one(limits: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        limits.take(ACME, "key:a", "events", 3)
    clock.move(seconds=19.9)
    assert limits.take(ACME, "key:a", "events", 3).retry_after_seconds == 1
    clock.move(seconds=0.1)
    assert limits.take(ACME, "key:a", "events", 3) == Allowance(3, 0, 60, 0)
    assert limits.take(ACME, "key:a", "events", 3).retry_after_seconds == 20
    clock.move(seconds=60)
    assert limits.take(ACME, "key:a", "events", 3) == Allowance(3, 2, 20, 0)


def test_no_minute_holds_more_than_twice_as_many_and_in_the_long_run_none_more(
    limits: RateLimits, clock: Clock
) -> None:
    passed = 0
    for _ in range(600):
        passed += limits.take(ACME, "key:a", "events", 10).retry_after_seconds == 0
        clock.move(seconds=1)
    assert passed == 10 + 99  # a full allowance, and one each six seconds


def test_exactly_so_many_pass_however_many_threads_ask(redis_url: str) -> None:
    client = connect_for_writes(redis_url, timeout_seconds=5)
    limits = RateLimits(client)
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: limits.take(ACME, "key:a", "events", 50), range(400)))
    passed = [one for one in taken if one.retry_after_seconds == 0]
    # One comes back each 1.2 s; the 400 take far less.
    assert len(passed) == 50
    assert sorted(one.remaining for one in passed) == list(range(50))


def test_callers_kinds_and_tenants_are_counted_apart(limits: RateLimits) -> None:
    assert limits.take(ACME, "key:a", "events", 1).retry_after_seconds == 0
    assert limits.take(ACME, "key:a", "events", 1).retry_after_seconds == 60
    assert limits.take(ACME, "key:b", "events", 1).retry_after_seconds == 0
    assert limits.take(ACME, "key:a", "rest", 1).retry_after_seconds == 0
    assert limits.take(tenant_id("outside"), "key:a", "events", 1).retry_after_seconds == 0


def test_a_clock_set_back_locks_nobody_out_for_longer_than_a_minute(
    limits: RateLimits, clock: Clock
) -> None:
    limits.take(ACME, "key:a", "events", 1)
    clock.move(days=-1)
    assert limits.take(ACME, "key:a", "events", 1).retry_after_seconds == 60
    clock.move(seconds=60)
    assert limits.take(ACME, "key:a", "events", 1).retry_after_seconds == 60


def test_a_changed_limit_holds_at_once(limits: RateLimits) -> None:
    for _ in range(5):
        limits.take(ACME, "key:a", "events", 5)
    assert limits.take(ACME, "key:a", "events", 100).retry_after_seconds == 1
    assert limits.take(ACME, "key:a", "events", 2).retry_after_seconds == 30


def test_it_costs_one_command_and_what_it_keeps_expires(redis_url: str) -> None:
    client: Any = connect_for_writes(redis_url)
    limits = RateLimits(client)
    limits.take(ACME, "key:a", "events", 60)  # loads the script
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    total = client.info("stats")["total_commands_processed"]
    limits.take(ACME, "key:a", "events", 60)
    # The two INFOs themselves, and what the script runs inside the server.
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
    assert client.info("stats")["total_commands_processed"] - total <= 6
    name = keys.requests_of(ACME, "key:a", "events")
    assert keys.is_of(ACME, name)
    assert 1_000 < client.pttl(name) <= 2_000


def test_without_redis_it_says_so() -> None:
    limits = RateLimits(connect_for_writes("redis://127.0.0.1:1/0"))
    with pytest.raises(UnavailableError):
        limits.take(ACME, "key:a", "events", 1)


def test_a_high_limit_is_counted_a_few_at_a_time_and_holds(redis_url: str, clock: Clock) -> None:
    client = connect_for_writes(redis_url)
    seconds = [0.0]
    workers = [RateLimits(client, clock, monotonic=lambda: seconds[0]) for _ in range(2)]
    key = keys.requests_of(ACME, "key:a", "events")
    marks = set()
    passed = []
    for number in range(1_300):
        found = workers[number % 2].take(ACME, "key:a", "events", 1_200)
        passed.append(found.retry_after_seconds == 0)
        marks.add(client.get(key))
    assert passed == [True] * 1_200 + [False] * 100
    assert len(marks) == 600, "two requests a write"


def test_what_a_worker_keeps_and_does_not_use_is_lost(redis_url: str, clock: Clock) -> None:
    seconds = [0.0]
    limits = RateLimits(connect_for_writes(redis_url), clock, monotonic=lambda: seconds[0])
    assert limits.take(ACME, "key:a", "events", 6_000).remaining == 5_999
    assert limits.take(ACME, "key:a", "events", 6_000).remaining == 5_998
    seconds[0] = KEPT_SECONDS
    assert limits.take(ACME, "key:a", "events", 6_000).remaining == 5_989
