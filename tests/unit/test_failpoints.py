"""Named moments: what a process does that comes by, and that only one does it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cip import failpoints
from cip.domain.errors import UnavailableError

POINT = "live.before_apply"
_PROGRAM = f"""
import sys
from pathlib import Path
from cip import failpoints
failpoints.arm(Path(sys.argv[1]))
print("armed", flush=True)
for _ in sys.stdin:
    failpoints.hit({POINT!r})
    print("went on", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    failpoints.arm(tmp_path)
    yield tmp_path
    failpoints.arm(None)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as found:
        assert found.stdout is not None
        assert found.stdout.readline() == "armed\n"
        yield found
        found.kill()


def come_by(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_moment_nobody_waits_at_passes(folder: Path) -> None:
    failpoints.hit(POINT)


def test_an_error_is_one_that_the_platform_knows_and_comes_once(folder: Path) -> None:
    (folder / POINT).write_text("error")
    with pytest.raises(UnavailableError, match=POINT):
        failpoints.hit(POINT)
    failpoints.hit(POINT)


def test_a_delay_takes_its_time(folder: Path) -> None:
    (folder / POINT).write_text("delay 0.2")
    begun = time.monotonic()
    failpoints.hit(POINT)
    assert time.monotonic() - begun >= 0.2


def test_what_is_off_looks_for_no_file(folder: Path) -> None:
    failpoints.arm(None)
    (folder / POINT).write_text("error")
    failpoints.hit(POINT)
    assert (folder / POINT).exists()


def test_the_file_goes_on_under_the_name_of_who_took_it(folder: Path) -> None:
    (folder / POINT).write_text("delay 0")
    failpoints.hit(POINT)
    assert not (folder / POINT).exists()
    assert (folder / failpoints.TAKEN / f"{POINT}.{os.getpid()}").exists()


def test_a_kill_ends_the_process_at_once(process: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / POINT).write_text("kill")
    come_by(process)
    assert process.wait(10) == -signal.SIGKILL


def test_a_stopped_process_goes_on_when_it_is_told_to(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    (tmp_path / POINT).write_text("stop")
    come_by(process)
    stopped = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert stopped is not None
    assert stopped.si_status == signal.SIGSTOP
    process.send_signal(signal.SIGCONT)
    assert process.stdout is not None
    assert process.stdout.readline() == "went on\n"
