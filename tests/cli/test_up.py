"""`cip up` on a real machine: one supervisor, started again, refused, stopped without a trace."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from cip.store import embedded
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
KINDS = {
    "valkey": "valkey-server",
    "ingest": "cip.cli.main ingest",
    "web": "gunicorn",
    "jobs": "jobs --queue interactive",
    "beat": "jobs --queue none --beat",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """A running `cip up`, its folder and its port."""

    process: subprocess.Popen[str]
    home: Path
    port: int

    def ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5.0)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def supervised(self) -> dict[int, str]:
        """The supervisor's children: pid and command line."""
        parent = (self.home / "run" / "supervisord.pid").read_text().strip()
        run = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", parent],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (line.strip().split(" ", 1) for line in run.stdout.splitlines())
        return {int(pid): command for pid, command in lines}

    def pids_of(self, kind: str) -> list[int]:
        return [pid for pid, command in self.supervised().items() if KINDS[kind] in command]

    def everyone(self) -> list[int]:
        """Every process of this platform, found by its folder or port in the environment."""
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._is_ours(entry)]

    def _is_ours(self, entry: Path) -> bool:
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"CIP_HOME={self.home}".encode() in environment


def start(home: Path, port: int) -> Platform:
    environ = {**os.environ, "CIP_HOME": str(home), "CIP_PORT": str(port), "CIP_DEMO": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cip.cli.main", "up"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if line.startswith("Ctrl-C"):
            return Platform(process, home, port)
    pytest.fail("cip up ended: " + "".join(told))


def stop(platform: Platform) -> None:
    platform.process.send_signal(signal.SIGTERM)
    try:
        platform.process.wait(60)
    except subprocess.TimeoutExpired:
        platform.process.kill()  # else it outlives the tests, and its pipe spoils the next ones
        platform.process.wait()
        raise
    if platform.process.stdout is not None:
        platform.process.stdout.close()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = start(tmp_path_factory.mktemp("platform"), embedded.free_port())
    yield running
    stop(running)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_killed_comes_back(platform: Platform, kind: str) -> None:
    (killed,) = platform.pids_of(kind)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: set(platform.pids_of(kind)) - {killed}, 20, f"a new {kind}")
    wait_until(platform.ready, 20, "ready again")


def test_a_second_one_on_the_same_folder_is_refused(platform: Platform) -> None:
    refused = up(platform.home, embedded.free_port())
    assert refused.returncode == 1
    assert f"pid {platform.process.pid}" in refused.stderr


def test_a_taken_port_is_refused_by_name(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        refused = up(tmp_path, port)
    assert refused.returncode == 1
    assert str(port) in refused.stderr
    assert "CIP_PORT" in refused.stderr


def test_each_request_leaves_one_line_that_nobody_can_forge(platform: Platform) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=5.0)
    name = "asked-by-a-test"
    forged = "/nowhere%0A%7B%22event%22:%22forged%22%7D%E2%80%A8?password=canary"
    connection.request("GET", forged, headers={"X-Request-ID": name})
    status = connection.getresponse().status
    connection.close()

    def lines() -> list[dict[str, object]]:
        text = (platform.home / "logs" / "web.log").read_text()
        assert "canary" not in text
        return [json.loads(line) for line in text.splitlines()]

    def mine() -> list[dict[str, object]]:
        return [line for line in lines() if line.get("request_id") == name]

    wait_until(mine, 10, "the line")
    (line,) = mine()
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", status)
    assert str(line["path"]).startswith("/nowhere\n")
    assert line["subject"] is None
    assert all(line["event"] != "forged" for line in lines())


def test_every_process_logs_json(platform: Platform) -> None:
    logs = [path for path in (platform.home / "logs").glob("*.log") if path.stem != "valkey"]
    assert {path.stem for path in logs} >= {"web", "ingest", "jobs-heavy", "beat", "supervisor"}
    for path in logs:
        for line in path.read_text().splitlines():
            assert isinstance(json.loads(line), dict), path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; asks the Linux kernel")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_its_end_leaves_nobody_behind(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "home"
    port = embedded.free_port()
    first = start(home, port)
    assert len(first.everyone()) >= 8
    first.process.send_signal(number)
    stop(first)
    wait_until(lambda: not first.everyone(), 40, "everybody gone")
    assert not embedded.in_use(home / "valkey")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_a_start_right_after_a_kill_waits_for_the_remains_and_finds_the_data(
    tmp_path: Path,
) -> None:
    port = embedded.free_port()
    first = start(tmp_path, port)
    url = (tmp_path / "valkey" / "url").read_text().strip()
    with redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
    first.process.kill()
    stop(first)
    second = start(tmp_path, port)
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"
    stop(second)


def up(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    """A `cip up` that is expected to give up at once."""
    return subprocess.run(
        [sys.executable, "-m", "cip.cli.main", "up"],
        env={**os.environ, "CIP_HOME": str(home), "CIP_PORT": str(port), "CIP_DEMO": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
