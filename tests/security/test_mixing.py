"""Threads that mix the sessions of two tenants: no answer ever belongs to the other one."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.factories import Platform
from tests.security.scanner import Scanner, unpacked
from tests.security.traffic import Request, requests
from tests.security.worlds import (
    OUR_CANARY,
    OURS,
    THEIR_CANARY,
    THEIRS,
    WorkerHere,
    World,
    fill,
    settings_of,
)

THREADS = 8
EACH = 120
# session → (its own tenant's canaries, the other's)
PEOPLE = {
    "adelheid": (OUR_CANARY, THEIR_CANARY),
    "ann": (OUR_CANARY, THEIR_CANARY),
    "vic": (OUR_CANARY, THEIR_CANARY),
    "ottokar": (THEIR_CANARY, OUR_CANARY),
    f"{THEIR_CANARY.word}.person": (THEIR_CANARY, OUR_CANARY),
}


@pytest.fixture
def full(world: World) -> Iterator[World]:
    """Threads take turns a thousand times as often as usual: within a request, not between two."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    fill(world, THEIRS, "ottokar", THEIR_CANARY)
    fill(world, OURS, "adelheid", OUR_CANARY)
    world.work_with(WorkerHere(world.platform))
    yield world
    sys.setswitchinterval(usual)


def test_eight_threads_on_one_application_get_their_own_answers(full: World) -> None:
    seen = _mix([full], EACH)
    assert seen == {OUR_CANARY.word, THEIR_CANARY.word}
    values = full.platform.services.resources.values
    assert values.hits > 0  # the caches are shared, and were used


def test_eight_threads_over_two_applications_get_their_own_answers(
    full: World, redis_url: str, history_root: str, tmp_path: Path
) -> None:
    second = World(Platform(redis_url, history_root), settings_of(redis_url, tmp_path / "home"))
    second.work_with(WorkerHere(second.platform))
    assert _mix([full, second], EACH // 2) == {OUR_CANARY.word, THEIR_CANARY.word}


def _mix(worlds: Sequence[World], each: int) -> set[str]:
    """Runs the threads; which tenants' own words they were told. Fails on any of the other's."""
    asked = [
        one
        for one in requests(worlds[0], acts=False)
        if one[1] not in ("/login", "/api/v1/auth/token", "/join")
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(_thread, worlds, asked, each, seed) for seed in range(THREADS)]
        return set().union(*(job.result() for job in jobs))


def _thread(worlds: Sequence[World], asked: Sequence[Request], each: int, seed: int) -> set[str]:
    draw = random.Random(seed)
    clients = [
        (world.browser(name), mine, Scanner([*other.strings], other.numbers))
        for world in worlds
        for name, (mine, other) in PEOPLE.items()
    ]
    seen: set[str] = set()
    for _ in range(each):
        client, mine, scanner = draw.choice(clients)
        method, path, options = draw.choice(asked)
        answer = client.open(path, method=method, **options)
        leaked = scanner.of_answer(answer)
        assert not leaked, (mine.word, leaked, path, options)
        body = unpacked(answer.data, answer.headers.get("Content-Encoding", ""))
        if mine.word.encode() in body:
            seen.add(mine.word)
    return seen
