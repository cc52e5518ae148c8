"""What a worker knows of revocations: how soon, how surely, and what it does when it knows not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
import redis

from cip.domain.errors import UnavailableError
from cip.store import embedded, keys, revocations
from cip.store.client import Redis, connect, connect_for_writes
from cip.store.revocations import ALL, KEPT_MS, Kind, Revocations
from tests.waiting import wait_until

DEAD = "redis://127.0.0.1:1"


class Ticks:
    """A clock in seconds that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Reader:
    """Counts how often the log is read, and holds a reading up or breaks it where told to."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self.readings = 0
        self.broken = False
        self.on_reading: Callable[[], None] = lambda: None

    def xrange(self, *arguments: Any, **options: Any) -> Any:
        self.readings += 1
        self.on_reading()
        if self.broken:
            raise redis.ConnectionError("gone")
        return self._client.xrange(*arguments, **options)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def log(redis_url: str) -> Redis:
    return connect_for_writes(redis_url, timeout_seconds=5)


@pytest.fixture
def reader(redis_url: str) -> Reader:
    return Reader(connect(redis_url, timeout_seconds=5))


@pytest.fixture
def known(reader: Reader, ticks: Ticks) -> Revocations:
    return Revocations(reader, ticks)  # type: ignore[arg-type]


def revoke(log: Redis, kind: Kind, name: str, epoch: int, entry_id: str = "*") -> None:
    log.xadd(keys.REVOCATIONS, {"kind": kind, "name": name, "epoch": epoch}, id=entry_id)


def test_the_first_look_reads_and_the_next_after_half_a_second(
    known: Revocations, reader: Reader, ticks: Ticks
) -> None:
    for at, readings in ((0, 1), (0.1, 1), (0.5, 1), (0.51, 2), (0.6, 2), (1.01, 2), (1.02, 3)):
        ticks.now = 1_000 + at
        known.look()
        assert reader.readings == readings, at


def test_a_revocation_is_known_within_the_next_half_second(
    known: Revocations, log: Redis, ticks: Ticks
) -> None:
    known.look()
    revoke(log, "user", "alice", 5)
    ticks.now += 0.5
    known.look()
    assert not known.outdated("user", "alice", 4), "nobody has looked"
    ticks.now += 0.01
    known.look()
    assert known.outdated("user", "alice", 4)


def test_only_older_epochs_of_that_very_name_and_kind_are_outdated(
    known: Revocations, log: Redis
) -> None:
    revoke(log, "user", "alice", 5)
    known.look()
    assert known.outdated("user", "alice", 4)
    assert not known.outdated("user", "alice", 5)
    assert not known.outdated("user", "alice", 6)
    assert not known.outdated("user", "alic", 4)
    assert not known.outdated("user", "bob", 4)
    for kind in ("tenant", "session", "key"):
        assert not known.outdated(kind, "alice", 4)


def test_an_older_entry_that_comes_later_forgives_nothing(known: Revocations, log: Redis) -> None:
    revoke(log, "user", "alice", 7)
    revoke(log, "user", "alice", 5)
    known.look()
    assert known.outdated("user", "alice", 6)


def test_what_is_revoked_for_good_outdates_every_epoch(known: Revocations, log: Redis) -> None:
    revoke(log, "session", "s1", ALL)
    known.look()
    assert known.outdated("session", "s1", 0)
    assert known.outdated("session", "s1", ALL - 1)


def test_a_long_log_is_read_to_its_end(
    known: Revocations, log: Redis, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "_BATCH", 10)
    for number in range(25):
        revoke(log, "session", f"s{number}", ALL)
    known.look()
    assert reader.readings == 3
    assert all(known.outdated("session", f"s{number}", 0) for number in range(25))


def test_a_batch_that_is_just_full_loses_nothing_after_it(
    known: Revocations, log: Redis, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "_BATCH", 2)
    for name in ("a", "b"):
        revoke(log, "session", name, ALL)
    known.look()
    revoke(log, "session", "c", ALL)
    ticks.now += 0.6
    known.look()
    assert all(known.outdated("session", name, 0) for name in "abc")


def test_what_outdates_no_living_token_is_forgotten(known: Revocations, log: Redis) -> None:
    first = 1_700_000_000_000
    revoke(log, "session", "old", ALL, f"{first}-0")
    revoke(log, "session", "kept", ALL, f"{first + 1}-0")
    revoke(log, "session", "new", ALL, f"{first + 1 + KEPT_MS}-0")
    known.look()
    assert not known.outdated("session", "old", 0)
    assert known.outdated("session", "kept", 0)
    assert known.outdated("session", "new", 0)
    assert KEPT_MS >= 16 * 60 * 1_000, "longer than an access token and its leeway"


def test_one_thread_reads_at_a_time_and_the_others_go_on_meanwhile(
    known: Revocations, reader: Reader, ticks: Ticks
) -> None:
    known.look()
    ticks.now += 0.8
    inside, go_on = Event(), Event()

    def hold() -> None:
        inside.set()
        assert go_on.wait(10)

    reader.on_reading = hold
    with ThreadPoolExecutor(9) as pool:
        slow = pool.submit(known.look)
        assert inside.wait(10)
        others = [pool.submit(known.look) for _ in range(8)]
        for other in others:
            other.result(10)
        assert not slow.done()
        assert reader.readings == 2
        go_on.set()
        slow.result(10)


def test_where_too_little_is_known_all_wait_for_the_one_reading(
    known: Revocations, reader: Reader, log: Redis
) -> None:
    revoke(log, "user", "alice", 5)
    together = Barrier(16)

    def look() -> bool:
        together.wait(10)
        known.look()
        return known.outdated("user", "alice", 4)

    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(look) for _ in range(16)]
        assert all(answer.result(10) for answer in answers)
    assert reader.readings == 1


def test_it_fails_closed_once_the_last_good_reading_is_a_second_old(
    known: Revocations, reader: Reader, ticks: Ticks
) -> None:
    known.look()
    reader.broken = True
    ticks.now += 1.0
    known.look()
    ticks.now += 0.01
    with pytest.raises(UnavailableError):
        known.look()
    reader.broken = False
    known.look()


def test_a_failed_reading_is_no_good_one(known: Revocations, reader: Reader, ticks: Ticks) -> None:
    known.look()
    reader.broken = True
    for _ in range(4):
        ticks.now += 0.25
        known.look()
    ticks.now += 0.25
    with pytest.raises(UnavailableError):
        known.look()


def test_a_worker_that_never_heard_anything_refuses() -> None:
    known = Revocations(connect(DEAD))
    for _ in range(2):
        with pytest.raises(UnavailableError):
            known.look()


def test_those_who_wait_for_a_reading_that_fails_do_not_each_try_again(
    known: Revocations, reader: Reader, ticks: Ticks
) -> None:
    """With a server that hangs, each of them would else wait for a time-out of its own."""
    reader.broken = True
    inside, go_on = Event(), Event()
    arrived = Barrier(9)

    def hold() -> None:
        inside.set()
        assert go_on.wait(10)
        ticks.now += 1

    reader.on_reading = hold

    def look() -> None:
        arrived.wait(10)
        known.look()

    with ThreadPoolExecutor(9) as pool:
        slow = pool.submit(known.look)
        assert inside.wait(10)
        asked = Asked(known, ticks)
        waiting = [pool.submit(look) for _ in range(8)]
        arrived.wait(10)
        wait_until(lambda: asked.times >= 8, 10, "all have asked")
        go_on.set()
        for one in (slow, *waiting):
            with pytest.raises(UnavailableError):
                one.result(10)
    assert reader.readings == 1
    reader.broken = False
    reader.on_reading = lambda: None
    known.look()


class Asked:
    """Counts how often the time was asked, which is the first thing that a look does."""

    def __init__(self, known: Revocations, ticks: Ticks) -> None:
        self.times = 0
        self._ticks = ticks
        known._clock = self

    def __call__(self) -> float:
        self.times += 1
        return self._ticks()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A server that a test may stop: its URL and its process."""
    with embedded.running(tmp_path / "valkey") as server:
        with redis.Redis.from_url(server.url) as client:
            info: Any = client.info("server")
        try:
            yield server.url, info["process_id"]
        finally:
            os.kill(info["process_id"], signal.SIGCONT)


def test_a_server_that_hangs_is_as_good_as_gone_until_it_goes_on(
    own_server: tuple[str, int], ticks: Ticks
) -> None:
    url, process = own_server
    known = Revocations(connect(url, timeout_seconds=0.1), ticks)
    known.look()
    os.kill(process, signal.SIGSTOP)
    ticks.now += 0.9
    known.look()
    ticks.now += 0.2
    with pytest.raises(UnavailableError):
        known.look()
    os.kill(process, signal.SIGCONT)
    revoke(connect_for_writes(url, timeout_seconds=5), "user", "alice", 5)
    known.look()
    assert known.outdated("user", "alice", 4)
