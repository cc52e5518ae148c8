"""Who is let in with events: limits of the store, and fair shares of the process's own time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from cip.domain.backpressure import (
    SMALL_BACKLOG,
    Backlog,
    Limits,
    Room,
    fair_length,
    objection,
    retry_seconds,
)
from cip.domain.errors import CipError, ThrottledError, UnavailableError
from cip.domain.tenants import tenant_id
from cip.services.backpressure import REMEMBERED_SECONDS, REST_SHARE, Slots
from tests.waiting import wait_until

NOISY, QUIET, THIRD = tenant_id("noisy"), tenant_id("quiet"), tenant_id("third")
LIMITS = Limits(lag_events=1_000, free_disk_bytes=500)
EMPTY = Backlog(0, 0)


def told(room: Room, backlog: Backlog) -> tuple[type[CipError], int] | None:
    """The kind of the objection and when to come again."""
    error = objection(room, backlog, LIMITS)
    if error is None:
        return None
    assert isinstance(error, (ThrottledError, UnavailableError))
    return type(error), error.retry_after_seconds


@pytest.mark.parametrize(
    ("room", "backlog", "answer"),
    [
        (Room(), EMPTY, None),
        (Room(0.85, 500), Backlog(1_000, 1_000), None),
        (Room(0.851, 500), EMPTY, (UnavailableError, 10)),
        (Room(0.1, 499), EMPTY, (UnavailableError, 60)),
        (Room(None, 0), EMPTY, (UnavailableError, 60)),
        (Room(), Backlog(1_001, 2_000), (ThrottledError, 60)),
        (Room(), Backlog(1_101, 2_000, falling=20), (ThrottledError, 6)),
        (Room(), Backlog(1_101, 2_000, falling=-20), (ThrottledError, 60)),
        (Room(0.76), Backlog(500, 20_001, fair=20_000), (ThrottledError, 60)),
        (Room(0.76), Backlog(500, 20_001, falling=1, fair=20_000), (ThrottledError, 1)),
        (Room(0.76), Backlog(500, 20_000, fair=20_000), None),
        (Room(0.75), Backlog(500, 20_001, fair=20_000), None),
        (Room(0.9), Backlog(5_000, 20_001, fair=20_000), (UnavailableError, 10)),
    ],
)
def test_each_limit_refuses_in_its_own_way(
    room: Room, backlog: Backlog, answer: tuple[type[CipError], int] | None
) -> None:
    assert told(room, backlog) == answer


def test_who_is_refused_comes_again_when_the_excess_is_gone_but_within_a_minute() -> None:
    assert [retry_seconds(1_000, speed) for speed in (1e9, 1_000, 999, 100, 10, 0, -5)] == [
        1,
        1,
        2,
        10,
        60,
        60,
        60,
    ]


def test_a_fair_share_is_an_equal_one_of_those_who_have_a_stream_and_never_a_small_one() -> None:
    assert fair_length([300_000, 0, 100_000]) == 200_000
    assert fair_length([500_000]) == 500_000
    assert fair_length([40_000, 1_000, 1_000]) == 14_000
    assert fair_length([15_000, 10, 10]) == SMALL_BACKLOG
    assert fair_length([]) == SMALL_BACKLOG


class Ticks:
    """A clock in seconds that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def hasty(total: int, clock: Ticks | None = None) -> Slots:
    """Slots for which nobody waits."""
    return Slots(total, patience_seconds=0, clock=clock or Ticks())


def test_a_tenant_alone_has_every_slot_and_no_more() -> None:
    slots = hasty(3)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(slots.take(NOISY))
        with pytest.raises(ThrottledError) as caught, slots.take(NOISY):
            pass
        assert 1 <= caught.value.retry_after_seconds <= 3
    with slots.take(NOISY):
        pass


def test_the_last_slot_is_for_a_tenant_that_holds_none() -> None:
    slots = hasty(3)
    with slots.take(QUIET):
        pass
    with slots.take(NOISY), slots.take(NOISY):
        with pytest.raises(ThrottledError), slots.take(NOISY):
            pass
        for _ in range(5):
            with slots.take(QUIET), pytest.raises(ThrottledError), slots.take(QUIET):
                pass


def test_two_noisy_tenants_leave_a_slot_to_a_third_whenever_one_comes_free() -> None:
    slots = hasty(3)
    with slots.take(QUIET), slots.take(NOISY):
        first = ExitStack()
        first.enter_context(slots.take(THIRD))
        with pytest.raises(ThrottledError), slots.take(NOISY):
            pass
        first.close()
        with pytest.raises(ThrottledError), slots.take(NOISY):
            pass
        with slots.take(THIRD):
            pass


def test_a_tenant_that_has_not_asked_for_a_while_takes_nothing_from_the_others() -> None:
    clock = Ticks()
    slots = hasty(2, clock)
    with slots.take(QUIET):
        pass
    with slots.take(NOISY):
        clock.now += REMEMBERED_SECONDS
        with pytest.raises(ThrottledError), slots.take(NOISY):
            pass
        clock.now += 0.1
        with slots.take(NOISY):
            pass


def test_a_slot_comes_free_again_however_the_request_ended() -> None:
    slots = hasty(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.take(NOISY):
            raise ZeroDivisionError
    with slots.take(NOISY):
        pass


def test_who_waits_gets_the_slot_that_comes_free() -> None:
    slots = Slots(1, patience_seconds=30)
    entered = Event()

    def wait() -> None:
        with slots.take(QUIET):
            entered.set()

    with ThreadPoolExecutor(1) as pool:
        with slots.take(NOISY):
            waiter = pool.submit(wait)
            wait_until(lambda: slots._waiting[QUIET], 10, "it waits")
            assert not entered.is_set()
        waiter.result(10)
    assert entered.is_set()


def test_a_tenant_fills_half_of_the_waiting_room_at_most() -> None:
    slots = Slots(1, patience_seconds=30, max_waiting=2)
    go_on = Event()

    def hold() -> None:
        with slots.take(NOISY):
            assert go_on.wait(30)

    def pass_by(name: str) -> None:
        with slots.take(tenant_id(name)):
            pass

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(hold)
        wait_until(lambda: slots._held[NOISY], 10, "the slot is taken")
        waiters = [pool.submit(pass_by, "quiet")]
        wait_until(lambda: slots._waiting.total() == 1, 10, "one waits")
        with pytest.raises(ThrottledError):
            pass_by("quiet")
        waiters.append(pool.submit(pass_by, "third"))
        wait_until(lambda: slots._waiting.total() == 2, 10, "two wait")
        with pytest.raises(ThrottledError):
            pass_by("fourth")
        go_on.set()
        for one in (first, *waiters):
            one.result(10)
    assert not slots._held
    assert not slots._waiting.total()


def test_what_comes_free_goes_to_whoever_was_served_longest_ago() -> None:
    slots = Slots(1, patience_seconds=30)
    served: list[str] = []

    def pass_by(name: str) -> None:
        with slots.take(tenant_id(name)):
            served.append(name)

    pass_by("quiet")
    with ThreadPoolExecutor(2) as pool:
        with slots.take(THIRD):
            pass
        with slots.take(NOISY):
            waiters = [pool.submit(pass_by, "third")]
            wait_until(lambda: slots._waiting[THIRD], 10, "the first waits")
            waiters.append(pool.submit(pass_by, "quiet"))
            wait_until(lambda: slots._waiting[QUIET], 10, "the second waits")
        for one in waiters:
            one.result(10)
    assert served == ["quiet", "quiet", "third"]


def test_a_newcomer_does_not_overtake_who_waits() -> None:
    slots = Slots(2, patience_seconds=30)
    go_on = Event()
    overtaken: list[bool] = []

    def wait() -> None:
        with slots.take(QUIET):
            assert go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        with slots.take(NOISY), slots.take(THIRD):
            waiter = pool.submit(wait)
            wait_until(lambda: slots._waiting[QUIET], 10, "it waits")
            with slots._changed:
                slots._held[NOISY] -= 1
                overtaken.append(slots._is_next(NOISY))
                overtaken.append(slots._is_next(QUIET))
                slots._held[NOISY] += 1
        go_on.set()
        waiter.result(10)
    assert overtaken == [False, True]


def test_the_last_place_to_wait_is_for_a_tenant_that_holds_no_slot() -> None:
    slots = Slots(2, patience_seconds=30, max_waiting=1)

    def pass_by() -> None:
        with slots.take(QUIET):
            pass

    with ThreadPoolExecutor(1) as pool:
        with slots.take(NOISY), slots.take(THIRD):
            with pytest.raises(ThrottledError), slots.take(NOISY):
                pass
            waiter = pool.submit(pass_by)
            wait_until(lambda: slots._waiting[QUIET], 10, "it waits")
        waiter.result(10)


def test_a_check_says_what_taking_would_and_takes_nothing() -> None:
    slots = Slots(1, patience_seconds=30, max_waiting=0)
    for _ in range(3):
        slots.check(NOISY)
    with slots.take(NOISY):
        for tenant in (NOISY, QUIET):
            with pytest.raises(ThrottledError):
                slots.check(tenant)
    slots.check(QUIET)
    assert not slots._held


def test_beside_others_a_tenant_rests_after_a_request_and_alone_it_does_not() -> None:
    clock = Ticks()
    slots = hasty(2, clock)
    with slots.take(NOISY):
        clock.now += 10.0
    slots.check(NOISY)  # nobody else was there
    with slots.take(QUIET), slots.take(NOISY):
        clock.now += 1.0
    with pytest.raises(ThrottledError), slots.take(NOISY):
        pass
    with slots.take(THIRD):
        clock.now += REST_SHARE
    with slots.take(NOISY):
        pass
