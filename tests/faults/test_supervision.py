"""Kills of those who watch over others: nobody is orphaned, and the platform comes back."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cip.store import embedded
from tests.faults.processes import Running, alive, end, platform, spawn, start
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel for orphans"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("supervision") / "home"
    with platform(home, embedded.free_port()) as found:
        yield found


def whole(running: Running) -> bool:
    return running.complete() and running.ready()


@pytest.mark.parametrize("role", ["web", "jobs-interactive", "jobs-heavy"])
def test_the_children_of_a_killed_parent_end_at_once(running: Running, role: str) -> None:
    wait_until(running.complete, 30, "every process there")
    parent = next(member for member in running.members() if member.role == role)
    assert parent.children
    parent.kill()
    wait_until(lambda: not any(alive(child) for child in parent.children), 3, "no orphan")
    wait_until(lambda: whole(running), 30, "whole again")


def test_a_killed_supervisor_is_replaced_and_its_programs_with_it(running: Running) -> None:
    wait_until(running.complete, 30, "every process there")
    before = [member.identity for member in running.members()]
    supervisor = running.supervisor()
    assert supervisor is not None
    supervisor.kill()
    wait_until(lambda: not any(alive(identity) for identity in before), 40, "the old ones gone")
    wait_until(lambda: whole(running), 40, "whole again")
    assert not {member.identity for member in running.members()} & set(before)


def test_a_killed_run_ends_with_all_it_started_and_the_next_one_is_clean(tmp_path: Path) -> None:
    port = embedded.free_port()
    first = start(tmp_path / "home", port)
    try:
        supervisor = first.supervisor()
        assert supervisor is not None
        first.process.kill()
        supervisor.kill()
        wait_until(lambda: not first.everyone(), 40, "nobody left behind")
    finally:
        end(first)
    with platform(tmp_path / "home", port) as second:
        assert second.complete()
        assert second.stop() == 0


def supervisor_there(running: Running) -> bool:
    return running.supervisor() is not None


def server_answers(running: Running) -> bool:
    return (running.home / "valkey" / "url").exists() and embedded.answers(running.redis_url)


def one_is_ready(running: Running) -> bool:
    return any((running.home / "run").glob("*.ready"))


def lock_held(running: Running) -> bool:
    return (running.home / "run" / "up.lock").exists()


@pytest.mark.parametrize("moment", [lock_held, supervisor_there, server_answers, one_is_ready])
def test_a_start_that_is_broken_off_leaves_nobody_behind(
    tmp_path: Path, moment: Callable[[Running], bool]
) -> None:
    running = spawn(tmp_path / "home", embedded.free_port())
    try:
        wait_until(lambda: moment(running), 60, moment.__name__)
        status = running.stop()
        assert not running.everyone()
        # Before it listens to signals there is nothing to stop, and the signal itself ends it.
        assert status == 0 or (moment is lock_held and status == -signal.SIGTERM)
    finally:
        end(running)
