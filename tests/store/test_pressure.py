"""What the web knows of lag, memory and disk: from Redis alone, and no more often than needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from cip.domain.backpressure import SMALL_BACKLOG, Backlog, Limits, Room
from cip.domain.errors import UnavailableError
from cip.domain.tenants import tenant_id
from cip.store import keys
from cip.store.client import connect, connect_for_writes
from cip.store.pressure import Pressure, publish_storage
from tests.factories import Platform, raw_event

ACME = tenant_id("acme")
DEAD = "redis://127.0.0.1:1"


class Ticks:
    """A clock in seconds that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def pressure(platform: Platform, ticks: Ticks) -> Pressure:
    return Pressure(connect(platform.redis_url, timeout_seconds=5), Limits(), ticks)


@pytest.fixture
def memory(platform: Platform) -> Iterator[Any]:
    """Sets the limit of the server's memory, in bytes, for as long as the test runs."""
    before = platform.client.config_get("maxmemory")["maxmemory"]
    yield lambda limit: platform.client.config_set("maxmemory", limit)
    platform.client.config_set("maxmemory", before)


def accept(platform: Platform, number: int, name: str = "acme") -> None:
    events = [raw_event() for _ in range(number)]
    assert platform.services.ingestion.accept(tenant_id(name), events).accepted == number


def backlog(pressure: Pressure, ticks: Ticks) -> Backlog:
    ticks.now += 0.6
    return pressure.look(ACME)[1]


def test_a_tenant_without_events_has_no_backlog(pressure: Pressure) -> None:
    assert pressure.look(ACME)[1] == Backlog(0, 0)


def test_the_lag_is_that_of_the_slower_group(
    platform: Platform, pressure: Pressure, ticks: Ticks
) -> None:
    accept(platform, 7)
    assert (backlog(pressure, ticks).lag, backlog(pressure, ticks).length) == (7, 7)
    consumer = platform.consumer()
    assert backlog(pressure, ticks).lag == 7
    while consumer.live_step():
        pass
    assert backlog(pressure, ticks).lag == 7, "the history has none of them"
    while consumer.history_step():
        pass
    assert (backlog(pressure, ticks).lag, backlog(pressure, ticks).length) == (0, 7)
    accept(platform, 2)
    assert (backlog(pressure, ticks).lag, backlog(pressure, ticks).length) == (2, 9)


def test_the_lag_is_known_also_where_the_server_does_not_tell_it(
    platform: Platform, pressure: Pressure, ticks: Ticks
) -> None:
    platform.consumer()
    accept(platform, 7)
    (entry, _), *_ = platform.client.xrange(keys.events(ACME), min="-", count=4)[2:]
    platform.client.xdel(keys.events(ACME), entry)
    assert platform.client.xinfo_groups(keys.events(ACME))[0]["lag"] is None
    assert backlog(pressure, ticks).lag == 7, "deleted ones count until the group is past them"


def test_it_is_read_at_most_every_half_second(
    platform: Platform, pressure: Pressure, ticks: Ticks
) -> None:
    accept(platform, 1)
    for at, more, lag in ((0, 1, 1), (0.1, 1, 1), (0.5, 1, 1), (0.51, 0, 4), (1.0, 1, 4)):
        ticks.now = 1_000 + at
        assert pressure.look(ACME)[1].lag == lag, at
        if more:
            accept(platform, 1)


def test_the_speed_of_falling_is_taken_over_seconds(
    platform: Platform, pressure: Pressure, ticks: Ticks
) -> None:
    consumer = platform.consumer()
    accept(platform, 300)
    assert pressure.look(ACME)[1].falling == 0
    while consumer.live_step() or consumer.history_step():
        pass
    ticks.now += 3
    known = pressure.look(ACME)[1]
    assert (known.lag, known.falling) == (0, 100)
    ticks.now += 3
    assert pressure.look(ACME)[1].falling == 50
    ticks.now += 3
    assert pressure.look(ACME)[1].falling == 0, "since the last measure it stands still"


def test_memory_is_told_as_a_share_of_the_limit(
    platform: Platform, pressure: Pressure, ticks: Ticks, memory: Any
) -> None:
    used = platform.client.info("memory")["used_memory"]
    memory(4 * used)
    share = pressure.look(ACME)[0].memory
    assert share == pytest.approx(0.25, abs=0.05)


def test_without_a_limit_the_machine_s_memory_is_the_limit(
    platform: Platform, pressure: Pressure, memory: Any
) -> None:
    memory(0)
    info = platform.client.info("memory")
    share = pressure.look(ACME)[0].memory
    assert share == pytest.approx(info["used_memory"] / info["total_system_memory"], rel=0.2)


def test_fair_shares_are_asked_only_while_memory_is_short(
    platform: Platform, pressure: Pressure, ticks: Ticks, memory: Any
) -> None:
    platform.add_tenant("outside")
    accept(platform, 40)
    accept(platform, 20, "outside")
    assert backlog(pressure, ticks) == Backlog(40, 40)
    memory(int(platform.client.info("memory")["used_memory"] / 0.8))
    assert backlog(pressure, ticks) == Backlog(40, 40, fair=SMALL_BACKLOG)


def test_the_fair_share_counts_every_tenant(
    platform: Platform, pressure: Pressure, ticks: Ticks, memory: Any
) -> None:
    other = platform.add_tenant("outside")
    for tenant, number in ((ACME, 25_000), (other, 5_000)):
        with platform.client.pipeline(transaction=False) as pipeline:
            for _ in range(number):
                pipeline.xadd(keys.events(tenant), {"e": ""})
            pipeline.execute()
    memory(int(platform.client.info("memory")["used_memory"] / 0.8))
    assert backlog(pressure, ticks) == Backlog(25_000, 25_000, fair=15_000)


def test_an_ingest_process_tells_what_the_disks_have_left(
    platform: Platform, pressure: Pressure, history_root: str
) -> None:
    publish_storage(platform.client, history_root)
    told = orjson.loads(platform.client.get(keys.STORAGE))
    assert len(told) == 2, "the history's and Redis's own"
    assert all(0 < volume["free"] <= volume["total"] for volume in told)
    assert 0 < platform.client.ttl(keys.STORAGE) <= 60
    assert pressure.look(ACME)[0].free_disk_bytes == min(volume["free"] for volume in told)


def test_of_a_history_in_an_object_store_nothing_is_told(platform: Platform) -> None:
    publish_storage(platform.client, "s3://bucket/path")
    assert len(orjson.loads(platform.client.get(keys.STORAGE))) == 1


@pytest.mark.parametrize("text", [None, b"[]", b"{", b'[{"free": "x"}]', b"17"])
def test_what_is_not_known_of_the_disks_is_no_objection(
    platform: Platform, pressure: Pressure, text: bytes | None
) -> None:
    if text is not None:
        platform.client.set(keys.STORAGE, text)
    assert pressure.look(ACME)[0].free_disk_bytes is None


def test_a_server_that_does_not_tell_its_memory_is_no_objection(redis_url: str) -> None:
    admin: Any = connect_for_writes(redis_url, timeout_seconds=5)
    admin.execute_command("ACL", "SETUSER", "narrow", "on", ">pw", "~*", "+@all", "-info")
    try:
        address = redis_url.rsplit("@", 1)[1]
        narrow = Pressure(connect(f"redis://narrow:pw@{address}"), Limits())
        assert narrow.look(ACME) == (Room(), Backlog(0, 0))
    finally:
        admin.execute_command("ACL", "DELUSER", "narrow")


def test_without_redis_nobody_is_let_in_and_not_everyone_tries_again(ticks: Ticks) -> None:
    away = Pressure(connect(DEAD), Limits(), ticks)
    with pytest.raises(UnavailableError):
        away.look(ACME)
    away._reads = None  # type: ignore[assignment]  # it would break if it were asked
    with pytest.raises(UnavailableError):
        away.look(ACME)
