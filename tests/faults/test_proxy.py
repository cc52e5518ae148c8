"""The proxy between two programs: what it does to a request and its answer."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.faults.proxy import Proxy
from tests.waiting import wait_until


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    requests = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: _Server) -> Iterator[Proxy]:
    with Proxy(server.server_port) as found:
        yield found


def ask(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_a_request_passes_and_its_answer_too(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    assert [ask(connection) for _ in range(3)] == [b"ok"] * 3
    connection.close()


def test_a_lost_answer_is_one_to_a_request_that_arrived(server: _Server, proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    proxy.lose_answers(1)
    with pytest.raises(ConnectionResetError):
        ask(connection)
    assert server.requests == 1
    connection.close()
    assert ask(connection) == b"ok"
    connection.close()


def test_a_cut_resets_a_connection_that_rests(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    assert ask(connection) == b"ok"
    proxy.cut()
    wait_until(lambda: proxy.seen["cut"] == 1, 5)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(connection)
    connection.close()


def test_a_delay_holds_up_both_ways(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    proxy.delay(0.1)
    begun = time.monotonic()
    assert ask(connection) == b"ok"
    assert time.monotonic() - begun >= 0.2
    connection.close()


def test_nobody_behind_it_is_a_connection_reset(proxy: Proxy, server: _Server) -> None:
    server.server_close()
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(connection)
    connection.close()
