"""Tries to sign in: counted before the password is looked at, per user, address and in all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import redis

from cip.domain.errors import ThrottledError, UnavailableError
from cip.store.client import connect_for_writes
from cip.store.throttle import KNOWN_ADDRESSES, Limits, LoginThrottle
from tests.factories import Clock

HOME = "198.51.100.7"
STRANGER = "203.0.113.9"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(redis_url: str, clock: Clock) -> LoginThrottle:
    return LoginThrottle(connect_for_writes(redis_url, timeout_seconds=5), clock)


def admitted(throttle: LoginThrottle, username: str, address: str, tries: int) -> int:
    """How many of so many tries in a row are admitted."""
    return sum(is_admitted(throttle, username, address) for _ in range(tries))


def is_admitted(throttle: LoginThrottle, username: str, address: str) -> bool:
    try:
        throttle.admit(username, address)
    except ThrottledError:
        return False
    return True


def refusal(throttle: LoginThrottle, username: str, address: str) -> ThrottledError:
    with pytest.raises(ThrottledError) as caught:
        throttle.admit(username, address)
    return caught.value


def sign_in(throttle: LoginThrottle, username: str, address: str) -> None:
    throttle.admit(username, address)
    throttle.succeeded(username, address)


def test_the_eleventh_try_for_a_user_is_refused_from_wherever(throttle: LoginThrottle) -> None:
    for number in range(10):
        throttle.admit("alice", f"203.0.113.{number}")
    error = refusal(throttle, " ALICE ", "203.0.113.77")
    assert (error.status, error.retry_after_seconds) == (429, 300)
    assert error.message == "Too many tries to sign in. Try again in 5 minutes."
    throttle.admit("bob", STRANGER)


def test_parallel_tries_cannot_exceed_the_limit(redis_url: str, clock: Clock) -> None:
    """Forty threads, in two workers with connections of their own."""
    workers = [
        LoginThrottle(connect_for_writes(redis_url, timeout_seconds=5), clock) for _ in range(2)
    ]
    together = Barrier(40)

    def attempt(number: int) -> bool:
        together.wait(timeout=30)
        return is_admitted(workers[number % 2], "alice", STRANGER)

    with ThreadPoolExecutor(40) as pool:
        assert sum(pool.map(attempt, range(40))) == 10


def test_refused_tries_do_not_lengthen_the_wait(throttle: LoginThrottle, clock: Clock) -> None:
    throttle.admit("alice", STRANGER)
    clock.move(minutes=2)
    assert admitted(throttle, "alice", STRANGER, 9) == 9
    clock.move(seconds=179.5)
    assert refusal(throttle, "alice", STRANGER).retry_after_seconds == 1
    clock.move(seconds=0.5)
    assert admitted(throttle, "alice", STRANGER, 3) == 1
    assert refusal(throttle, "alice", STRANGER).retry_after_seconds == 120


def test_no_five_minutes_hold_more_than_ten(throttle: LoginThrottle, clock: Clock) -> None:
    """As counters that restart with each window would let through at its edge."""
    clock.move(seconds=290)
    assert admitted(throttle, "alice", STRANGER, 10) == 10
    clock.move(seconds=20)
    assert admitted(throttle, "alice", STRANGER, 10) == 0
    clock.move(seconds=280)
    assert admitted(throttle, "alice", STRANGER, 20) == 10


def test_an_unknown_name_is_throttled_alike(throttle: LoginThrottle) -> None:
    assert admitted(throttle, "nobody\n{x}' OR 1=1", STRANGER, 11) == 10
    assert admitted(throttle, "\ud800" * 5_000, HOME, 11) == 10


def test_a_success_frees_the_failures_before_it(throttle: LoginThrottle) -> None:
    assert admitted(throttle, "alice", STRANGER, 9) == 9
    sign_in(throttle, "alice", STRANGER)
    assert admitted(throttle, "alice", "203.0.113.50", 11) == 10


def test_the_owner_gets_in_while_a_stranger_locks_the_name(
    throttle: LoginThrottle, clock: Clock
) -> None:
    sign_in(throttle, "alice", HOME)
    for _ in range(3):
        assert admitted(throttle, "alice", STRANGER, 20) == 10
        sign_in(throttle, "alice", HOME)
        assert not is_admitted(throttle, "alice", STRANGER)
        clock.move(minutes=5)


def test_a_known_address_has_ten_tries_of_its_own(throttle: LoginThrottle) -> None:
    sign_in(throttle, "alice", HOME)
    assert admitted(throttle, "alice", HOME, 20) == 10
    assert admitted(throttle, "bob", HOME, 20) == 10


def test_a_known_address_is_forgotten_after_thirty_days(
    throttle: LoginThrottle, clock: Clock
) -> None:
    sign_in(throttle, "alice", HOME)
    clock.move(days=29)
    sign_in(throttle, "alice", HOME)
    clock.move(days=29)
    assert admitted(throttle, "alice", STRANGER, 11) == 10
    throttle.admit("alice", HOME)
    clock.move(days=1)
    assert admitted(throttle, "alice", STRANGER, 11) == 10
    assert not is_admitted(throttle, "alice", HOME)


def test_the_addresses_remembered_are_bounded(throttle: LoginThrottle, clock: Clock) -> None:
    for number in range(KNOWN_ADDRESSES + 1):
        sign_in(throttle, "alice", f"198.51.100.{number}")
        clock.move(seconds=1)
    assert admitted(throttle, "alice", STRANGER, 11) == 10
    assert not is_admitted(throttle, "alice", "198.51.100.0")
    assert is_admitted(throttle, "alice", "198.51.100.1")


def test_an_address_has_fifty_tries_whoever_they_are_for(throttle: LoginThrottle) -> None:
    assert sum(is_admitted(throttle, f"user{n}", STRANGER) for n in range(60)) == 50
    assert refusal(throttle, "carol", STRANGER).retry_after_seconds == 300
    # A try that the address could not make is none of the user's.
    assert admitted(throttle, "carol", "203.0.113.10", 11) == 10


def test_successes_do_not_use_up_an_address(throttle: LoginThrottle) -> None:
    for number in range(120):
        sign_in(throttle, f"user{number % 60}", HOME)
    assert sum(is_admitted(throttle, f"other{n}", HOME) for n in range(60)) == 50


def test_all_addresses_together_have_a_thousand_tries_but_an_owner_gets_in(
    throttle: LoginThrottle, clock: Clock
) -> None:
    sign_in(throttle, "alice", HOME)
    tries = [(f"user{n}", f"10.0.{n // 50}.1") for n in range(1_010)]
    assert sum(is_admitted(throttle, *who) for who in tries) == 1_000
    assert not is_admitted(throttle, "bob", "192.0.2.1")
    sign_in(throttle, "alice", HOME)
    clock.move(minutes=5)
    throttle.admit("bob", "192.0.2.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.8", False),
        ("", "not an address", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(
    redis_url: str, clock: Clock, one: str, other: str, same: bool
) -> None:
    client = connect_for_writes(redis_url, timeout_seconds=5)
    throttle = LoginThrottle(client, clock, limits=Limits(address=1))
    throttle.admit("alice", one)
    assert is_admitted(throttle, "bob", other) is not same


def test_nothing_that_was_typed_stands_in_redis_and_all_of_it_expires(
    throttle: LoginThrottle, redis_url: str
) -> None:
    sign_in(throttle, "typed-by-someone", HOME)
    throttle.admit("typed-by-someone", HOME)
    throttle.admit("typed-by-someone", STRANGER)
    with redis.Redis.from_url(redis_url) as client:
        names = [name for name in client.scan_iter() if b"tries" in name or b"known" in name]
        assert len(names) == 6
        assert not [name for name in names if b"typed" in name or HOME.encode() in name]
        lives = {name: int(client.pttl(name)) for name in names}
    longest = timedelta(days=30) // timedelta(milliseconds=1)
    assert all(
        0 < life <= (longest if b"known" in name else 300_000) for name, life in lives.items()
    )


def test_without_a_clock_redis_tells_the_time(redis_url: str) -> None:
    throttle = LoginThrottle(connect_for_writes(redis_url, timeout_seconds=5))
    assert admitted(throttle, "alice", STRANGER, 11) == 10
    assert 290 <= refusal(throttle, "alice", STRANGER).retry_after_seconds <= 300


def test_it_fails_closed_when_redis_is_away(clock: Clock) -> None:
    throttle = LoginThrottle(connect_for_writes("redis://127.0.0.1:1/0"), clock)
    with pytest.raises(UnavailableError):
        throttle.admit("alice", HOME)
    with pytest.raises(UnavailableError):
        throttle.succeeded("alice", HOME)
