"""Refresh tokens: each works once, however many try at once, and a stolen one ends its family."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from cip.domain.errors import UnavailableError
from cip.store import keys
from cip.store.client import connect, connect_for_writes
from cip.store.revocations import Revocations
from cip.store.token_families import REUSE_GRACE, Family, Spent, TokenFamilies
from tests.factories import Clock, Platform

WEEK = timedelta(days=7)
FAMILY = Family("f1", "alice", "acme")
ROUNDS = 200
AT_ONCE = 20


@pytest.fixture
def families(redis_url: str) -> TokenFamilies:
    families = TokenFamilies(
        connect(redis_url, timeout_seconds=5), connect_for_writes(redis_url, timeout_seconds=5)
    )
    families.add(FAMILY, "t0", WEEK)
    return families


@pytest.fixture
def clock() -> Clock:
    return Clock()


def spend(families: TokenFamilies, token: str, following: str, clock: Clock) -> Spent:
    return families.spend("f1", token, following, now=clock(), life=WEEK)


def is_revoked(platform: Platform, session: str = "f1") -> bool:
    known = Revocations(platform.client)
    known.look()
    return known.outdated("session", session, 0)


def test_a_family_is_found_as_it_was_made(families: TokenFamilies) -> None:
    assert families.find("f1") == FAMILY
    assert families.find("f2") is None


def test_each_token_leads_to_the_next(families: TokenFamilies, clock: Clock) -> None:
    for number in range(5):
        assert spend(families, f"t{number}", f"t{number + 1}", clock) == "rotated"
        clock.move(minutes=15)


def test_of_twenty_uses_at_once_one_succeeds(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    def use(number: int, turn: int, together: Barrier) -> Spent:
        together.wait(10)
        return spend(families, names[-1], f"t{turn}.{number}", clock)

    names = ["t0"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for turn in range(ROUNDS):
            together = Barrier(AT_ONCE)
            answers = list(
                pool.map(lambda number: use(number, turn, together), range(AT_ONCE))  # noqa: B023
            )
            assert sorted(answers) == ["just_spent"] * (AT_ONCE - 1) + ["rotated"], turn
            names.append(f"t{turn}.{answers.index('rotated')}")
            clock.move(seconds=1)
    assert families.find("f1") == FAMILY
    assert not is_revoked(platform)


def test_a_reuse_within_ten_seconds_ends_nothing(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    spend(families, "t0", "t1", clock)
    clock.move(seconds=9.999)
    assert spend(families, "t0", "t2", clock) == "just_spent"
    assert spend(families, "t1", "t2", clock) == "rotated"
    assert spend(families, "t0", "t3", clock) == "just_spent"
    assert not is_revoked(platform)
    assert timedelta(seconds=10) == REUSE_GRACE


def test_a_later_reuse_ends_the_family_and_its_access_tokens(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    spend(families, "t0", "t1", clock)
    clock.move(seconds=10)
    assert spend(families, "t0", "t2", clock) == "reused"
    assert is_revoked(platform)
    assert families.find("f1") is None
    for token in ("t1", "t2", "t0"):
        assert spend(families, token, "t9", clock) == "gone"


def test_a_reuse_is_known_after_many_more_turns(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    for number in range(30):
        assert spend(families, f"t{number}", f"t{number + 1}", clock) == "rotated"
        clock.move(minutes=15)
    assert spend(families, "t3", "t99", clock) == "reused"
    assert is_revoked(platform)


def test_a_family_that_goes_on_and_on_does_not_grow(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    sizes = set()
    for number in range(50):
        spend(families, f"t{number}", f"t{number + 1}", clock)
        sizes.add(platform.client.hlen(keys.token_family("f1")))
        clock.move(seconds=10)
    assert sizes == {4}


def test_a_turn_prolongs_the_family_by_the_next_tokens_life(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    platform.client.pexpire(keys.token_family("f1"), 60_000)
    spend(families, "t0", "t1", clock)
    left = timedelta(milliseconds=platform.client.pttl(keys.token_family("f1")))
    assert WEEK - timedelta(seconds=10) < left <= WEEK


def test_what_ended_is_gone_for_good(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    assert families.end("f1")
    assert not families.end("f1")
    assert spend(families, "t0", "t1", clock) == "gone"
    assert families.find("f1") is None
    assert is_revoked(platform)


def test_one_family_ends_without_another(
    families: TokenFamilies, clock: Clock, platform: Platform
) -> None:
    families.add(Family("f2", "alice", "acme"), "t0", WEEK)
    families.end("f2")
    assert spend(families, "t0", "t1", clock) == "rotated"
    assert not is_revoked(platform, "f1")


def test_without_redis_no_token_is_spent(clock: Clock) -> None:
    dead = connect("redis://127.0.0.1:1")
    families = TokenFamilies(dead, dead)
    for ask in (
        lambda: families.find("f1"),
        lambda: families.add(FAMILY, "t0", WEEK),
        lambda: spend(families, "t0", "t1", clock),
        lambda: families.end("f1"),
    ):
        with pytest.raises(UnavailableError):
            ask()
