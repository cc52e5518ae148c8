"""Bodies as they come over a connection, through the real web server: too long, broken, slow."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from cip.domain.events import MAX_REQUEST_BYTES
from cip.domain.permissions import Permission, Role
from cip.domain.tenants import tenant_id
from cip.store import embedded, keys
from cip.web.reading import BODY_SECONDS
from cip.web.unread import DROP_SECONDS, MAX_DROPPED_BYTES
from tests.factories import KEYS, Platform, raw_event
from tests.waiting import wait_until

ACME = tenant_id("acme")
EVENTS = "/api/v1/events"
TOKEN = "/api/v1/auth/token"
LINES = "application/x-ndjson"
JSON = "application/json"
PASSWORD = "correct horse battery"
Answer = tuple[int, Any, http.client.HTTPMessage]


@dataclass
class Door:
    """The real web server. `log`: what its processes say."""

    platform: Platform
    port: int
    log: Path
    keys: dict[str, str]

    def post(self, body: Any, kind: str = JSON, path: str = EVENTS, **headers: str) -> Answer:
        """`body`: bytes with their length, or pieces, chunked."""
        head = {"X-API-Key": self.keys["acme"], "Content-Type": kind} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as one:
            one.request("POST", path, body, head)
            return read(one.getresponse())

    def start(self, first: bytes, path: str = EVENTS, tenant: str = "acme", **head: str) -> Any:
        """A connection that has sent headers and the start of a body."""
        sent = {"Host": "x", "X-API-Key": self.keys[tenant], "Content-Type": LINES} | {
            name.replace("_", "-"): value for name, value in head.items()
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        one = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        one.sendall("\r\n".join([*lines, "", ""]).encode() + first)
        return one

    def taken(self) -> tuple[int, int]:
        """Events and dead letters of acme."""
        client = self.platform.client
        return client.xlen(keys.events(ACME)), client.xlen(keys.dead_letters(ACME))


def read(answer: http.client.HTTPResponse) -> Answer:
    text, kind = answer.read(), answer.headers["Content-Type"]
    return answer.status, orjson.loads(text) if kind == JSON else None, answer.headers


def answer_on(one: socket.socket) -> Answer:
    answer = http.client.HTTPResponse(one)
    answer.begin()
    return read(answer)


def line(**changes: Any) -> bytes:
    return orjson.dumps(raw_event(now=datetime.now(UTC), **changes)) + b"\n"


def in_pieces(size: int, start: bytes = b"") -> Iterator[bytes]:
    yield start
    left = size - len(start)
    while left:
        piece = min(left, 65_536)
        yield b" " * piece
        left -= piece


@pytest.fixture(scope="module")
def door(
    redis_server: embedded.PreparedServer, tmp_path_factory: pytest.TempPathFactory, project: Path
) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("streams")
    platform = Platform(redis_server.url, str(folder / "history"))
    platform.client.flushall()
    named = {}
    for name in ("acme", "outside"):
        platform.add_tenant(name)
        scopes = frozenset({Permission.EVENTS_WRITE})
        named[name] = platform.services.accounts.create_key(tenant_id(name), "test", scopes)[1]
    platform.services.accounts.create_user("alice", PASSWORD, ACME, Role.ADMIN)
    port, log = embedded.free_port(), folder / "log"
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CIP_")}
    own = {
        "CIP_HOME": str(folder / "home"),
        "CIP_REDIS_URL": redis_server.url,
        "CIP_SECRET_KEY": KEYS.current,
        "CIP_PORT": str(port),
    }
    command = [sys.executable, "-m", "cip.cli.main", "web"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=project, env=kept | own, stdout=out, stderr=out)
    made = Door(platform, port, log, named)
    try:
        wait_until(lambda: _answers(port), 60, "the web server answers")
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as one:
        try:
            one.request("GET", "/healthz")
            return one.getresponse().status == 200
        except OSError:
            return False


@pytest.fixture(autouse=True)
def nothing_broke(door: Door) -> Iterator[None]:
    """No test makes the server fail, whatever it sends."""
    yield
    assert "Traceback" not in door.log.read_text()


@pytest.mark.parametrize("kind", [JSON, LINES])
def test_a_chunked_body_has_the_same_limit(door: Door, kind: str) -> None:
    first = b'{"events": []}' if kind == JSON else line()
    status, given, _ = door.post(in_pieces(MAX_REQUEST_BYTES, first), kind)
    assert (status, given["rejected"]) == (202, [])
    before = door.taken()
    for more in (1, 1_000_000):
        status, given, _ = door.post(in_pieces(MAX_REQUEST_BYTES + more, first), kind)
        assert (status, given["error"]["code"]) == (413, "too_large")
    assert door.taken() == before


def test_a_callbacks_chunked_body_has_the_same_limit(door: Door) -> None:
    form = urlencode({"username": "alice", "password": PASSWORD}).encode()
    status, _, head = door.post(form, "application/x-www-form-urlencoded", "/login")
    assert status == 303
    jar = dict(cookie.split(";")[0].split("=", 1) for cookie in head.get_all("Set-Cookie", []))
    own = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()),
        "X_CSRF_Token": jar["cip_csrf"],
    }

    def post(size: int) -> Answer:
        body = in_pieces(size, b'{"output": "none"}')
        return door.post(body, JSON, "/_dash-update-component", **own)

    status, given, _ = post(MAX_REQUEST_BYTES)
    assert (status, given["error"]["code"]) == (400, "malformed"), "read, and no callback of ours"
    status, given, _ = post(MAX_REQUEST_BYTES + 1)
    assert (status, given["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("size", [MAX_REQUEST_BYTES + 1, 6_000_000, MAX_DROPPED_BYTES])
def test_who_sends_everything_first_sees_that_it_is_too_large(door: Door, size: int) -> None:
    for _ in range(3):
        status, given, _ = door.post(b" " * size)
        assert (status, given["error"]["code"]) == (413, "too_large")


def test_the_connection_serves_the_next_request_after_a_body_that_is_too_large(door: Door) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)) as one:
        one.connect()
        kept = one.sock
        for body, expected in ((b" " * (MAX_REQUEST_BYTES + 1), 413), (b'{"events": []}', 202)):
            one.request("POST", EVENTS, body, {"X-API-Key": door.keys["acme"]})
            assert read(one.getresponse())[0] == expected
            assert one.sock is kept


@pytest.mark.parametrize(
    "sent", [b"zz\r\n", b"-5\r\nhello\r\n", b"\r\n", b"5\r\nhelloxx", b"1;\0\r\na\r\n0\r\n\r\n"]
)
def test_chunks_that_are_none_are_refused_and_the_connection_ends(door: Door, sent: bytes) -> None:
    before = door.taken()
    with closing(door.start(sent, Transfer_Encoding="chunked")) as one:
        status, given, head = answer_on(one)
        assert (status, given["error"]["code"]) == (400, "bad_chunks")
        assert head["Connection"] == "close"
        assert one.recv(1) == b""
    assert door.taken() == before


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_ends_too_early_is_taken_as_none(door: Door, chunked: bool) -> None:
    before = door.taken()
    body = line() + line()[:50]
    if chunked:
        one = door.start(b"%x\r\n%b\r\n" % (len(body), body), Transfer_Encoding="chunked")
    else:
        one = door.start(body, Content_Length="1000")
    with closing(one):
        one.shutdown(socket.SHUT_WR)
        status, given, _ = answer_on(one)
        assert (status, given["error"]["code"]) == (400, "incomplete_body")
    assert door.taken() == before


def test_slow_senders_keep_nobody_out(door: Door) -> None:
    """Neither of the slots for events, nor of the pages."""
    begun = time.monotonic()
    with ExitStack() as stack:

        def start(path: str, tenant: str = "acme") -> Any:
            stalled = door.start(b"{", path, tenant, Content_Length="1000")
            return stack.enter_context(closing(stalled))

        slow = [start(EVENTS) for _ in range(10)] + [start(TOKEN) for _ in range(24)]
        for _ in range(5):
            status, given, _ = door.post(line(), LINES, X_API_Key=door.keys["outside"])
            assert (status, given["accepted"]) == (202, 1)
            with closing(http.client.HTTPConnection("127.0.0.1", door.port, timeout=5)) as one:
                one.request("GET", "/login")
                assert one.getresponse().status == 200
        assert time.monotonic() - begun < BODY_SECONDS / 2, "while some are still waited for"
        took = []
        for one in slow:
            status, given, head = answer_on(one)
            assert (status, given["error"]["code"]) == (408, "body_timeout")
            assert head["Connection"] == "close"
            took.append(time.monotonic() - begun)
        assert BODY_SECONDS - 1 < max(took) < BODY_SECONDS + 3, "a few have all the time"


def test_a_drip_holds_the_answer_of_a_refusal_no_longer_than_a_stall(door: Door) -> None:
    begun = time.monotonic()
    head = {"X_API_Key": "nobody", "Content_Length": "1000"}
    with closing(door.start(b"{", **head)) as one:
        one.settimeout(0.2)
        while time.monotonic() - begun < 3 * DROP_SECONDS:
            try:
                one.sendall(b" ")
                if one.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        took = time.monotonic() - begun
        one.settimeout(5)
        status, given, _ = answer_on(one)
        assert (status, given["error"]["code"]) == (401, "unauthenticated")
        assert took < DROP_SECONDS + 1
