"""The client for other programs: batches, retries with the same ids, and typed errors."""

from __future__ import annotations

import ast
import gzip
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cip.client import Client, RefusedError, Rejection, SendResult, UnansweredError
from cip.client.batches import MAX_BYTES, batches

Reply = tuple[int, dict[str, str], bytes]
# None: the connection ends without an answer.
Replies = list[Reply | None]
KEY = "cip_a_key"


def accepted(count: int, *rejected: dict[str, Any]) -> Reply:
    body = {"accepted": count, "duplicates": 0, "rejected": rejected}
    return 202, {}, json.dumps(body).encode()


def events_in(body: bytes) -> list[Any]:
    return [json.loads(line) for line in body.split(b"\n")]


def fault(status: int, code: str, **headers: str) -> Reply:
    error = {"code": code, "message": "Words.", "field": "events", "request_id": "req_1"}
    return status, headers, json.dumps({"error": error}).encode()


@dataclass
class Server:
    """Gives these answers in turn, and keeps what it was sent."""

    url: str
    replies: Replies
    bodies: list[list[Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def client(self, **options: Any) -> Client:
        return Client(
            self.url, KEY, timeout_seconds=5, sleep=self.waits.append, draw=lambda: 0.5, **options
        )


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[ThreadingHTTPServer] = []

    def start(*replies: Reply | None) -> Server:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                server.bodies.append(events_in(gzip.decompress(sent)))
                server.heads.append({**self.headers, "path": self.path})
                reply = server.replies.pop(0)
                if reply is None:
                    self.close_connection = True
                    return
                status, headers, body = reply
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        running.append(listening)
        server = Server(f"http://127.0.0.1:{listening.server_port}/base", list(replies))
        return server

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def test_events_go_in_batches_packed_and_with_ids(serve: Callable[..., Server]) -> None:
    rejected = {"index": 1, "event_id": "e3", "field": "type", "code": "missing", "message": "M"}
    server = serve(accepted(2), accepted(1, rejected), accepted(1))
    events = [
        {"customer_id": "c"},
        *({"event_id": f"e{n}", "customer_id": "c"} for n in (1, 2, 3, 4)),
    ]
    with server.client(batch_events=2) as client:
        result = client.send(events)
    assert result == SendResult(4, 0, (Rejection(3, "e3", "type", "missing", "M"),))
    assert [len(body) for body in server.bodies] == [2, 2, 1]
    ids = [event["event_id"] for body in server.bodies for event in body]
    assert ids[1:] == ["e1", "e2", "e3", "e4"]
    assert len(ids[0]) == 32
    assert "event_id" not in events[0], "what was given is not changed"
    assert server.heads[0]["path"] == "/base/api/v1/events"
    assert server.heads[0]["X-API-Key"] == KEY
    assert server.heads[0]["Content-Encoding"] == "gzip"
    assert server.heads[0]["Content-Type"] == "application/x-ndjson"


def test_an_event_whose_id_is_none_is_given_one(serve: Callable[..., Server]) -> None:
    server = serve(accepted(1))
    with server.client() as client:
        client.send([{"event_id": None, "customer_id": "c"}])
    ((event,),) = server.bodies
    assert len(event["event_id"]) == 32


def test_what_cannot_be_read_is_a_line_of_its_own() -> None:
    """Half a character, as cut text has it, would make one JSON document unreadable as a whole."""
    ((_, body),) = batches([{"a": 1}, {"a": "\ud83d"}, {"a": "\n"}])
    assert body.split(b"\n") == [b'{"a":1}', b'{"a":"\\ud83d"}', b'{"a":"\\n"}']


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_leaves_it_open_is_tried_again(serve: Callable[..., Server], status: int) -> None:
    server = serve(fault(status, "any"), accepted(1))
    with server.client() as client:
        assert client.send([{"customer_id": "a"}]).accepted == 1
    assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"accepted": 1}',
        b'{"accepted": 1, "duplicates": 0, "rejected": 7}',
        b'{"accepted": 1, "duplicates": 0, "rejected": ["x"]}',
        b'{"accepted": null, "duplicates": 0, "rejected": []}',
    ],
)
def test_a_202_without_a_result_tells_what_is_left(
    serve: Callable[..., Server], body: bytes
) -> None:
    server = serve(accepted(1), (202, {}, body), accepted(2))
    with server.client(batch_events=1) as client, pytest.raises(UnansweredError) as caught:
        client.send([{"a": 1}, {"a": 2}])
    assert caught.value.sent == SendResult(1)
    (left,) = caught.value.unsent
    assert [left] == server.bodies[1], "its id included: sent again it counts once"


def test_what_got_no_answer_is_sent_again_with_the_same_ids(serve: Callable[..., Server]) -> None:
    server = serve(None, fault(503, "unavailable"), fault(429, "throttled"), accepted(2))
    with server.client() as client:
        assert client.send([{"customer_id": "a"}, {"customer_id": "b"}]).accepted == 2
    assert len(server.bodies) == 4
    assert all(body == server.bodies[0] for body in server.bodies)
    assert server.waits == [0.25, 0.5, 1.0]


def test_it_never_comes_back_sooner_than_it_was_told(serve: Callable[..., Server]) -> None:
    later = {"Retry-After": "7"}
    server = serve(
        fault(429, "throttled", **later), fault(503, "unavailable", **later), accepted(1)
    )
    with server.client() as client:
        client.send([{"customer_id": "a"}])
    assert server.waits == [7.25, 7.5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 501])
def test_a_refusal_is_told_and_never_repeated(serve: Callable[..., Server], status: int) -> None:
    server = serve(accepted(1), fault(status, "some_code"))
    events = [{"event_id": "e1"}, {"event_id": "e2"}, {"event_id": "e3"}]
    with server.client(batch_events=1) as client, pytest.raises(RefusedError) as caught:
        client.send(events)
    error = caught.value
    assert (error.status, error.code, error.field, error.request_id) == (
        status, "some_code", "events", "req_1",
    )  # fmt: skip
    assert (error.sent.accepted, error.unsent) == (1, events[1:])
    assert (len(server.bodies), server.waits) == (2, [])


def test_it_gives_up_in_the_end_and_hands_back_what_is_left(serve: Callable[..., Server]) -> None:
    server = serve(fault(503, "unavailable"), None, fault(503, "unavailable"))
    with server.client(tries=3) as client, pytest.raises(UnansweredError) as caught:
        client.send([{"customer_id": "a"}])
    (left,) = caught.value.unsent
    assert left["event_id"] == server.bodies[0][0]["event_id"]
    assert len(server.bodies) == 3
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 5}', b'{"error": {}}'])
def test_an_answer_of_something_else_is_an_error_too(
    serve: Callable[..., Server], body: bytes
) -> None:
    server = serve((404, {}, body))
    with server.client() as client, pytest.raises(RefusedError) as caught:
        client.send([{}])
    assert (caught.value.status, caught.value.code) == (404, "unknown")


def test_nobody_there_is_no_answer() -> None:
    waits: list[float] = []
    client = Client("http://127.0.0.1:1", KEY, tries=2, sleep=waits.append)
    with pytest.raises(UnansweredError, match="ConnectionRefusedError"):
        client.send([{}])
    assert len(waits) == 1


def test_nothing_is_sent_of_nothing_or_of_what_is_no_json(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.client(batch_events=1) as client:
        assert client.send([]) == SendResult()
        for bad in (float("nan"), object()):
            with pytest.raises((ValueError, TypeError)):
                client.send([{}, {"properties": {"a": bad}}])
    assert server.bodies == []


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:8050", "http://", "https:///x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address of a platform"):
        Client(url, KEY)


def test_a_batch_stays_below_the_limits_of_a_request() -> None:
    events = [{"event_id": str(n), "text": "x" * 30_000} for n in range(300)]
    made = list(batches(events))
    assert all(len(body) <= MAX_BYTES for _, body in made)
    assert [first for first, _ in made] == [0, 139, 278]
    assert sum(len(events_in(body)) for _, body in made) == 300
    assert [len(events_in(body)) for _, body in batches([{}] * 2_001)] == [1000, 1000, 1]
    huge = list(batches([{}, {"text": "x" * MAX_BYTES}, {}]))
    assert [first for first, _ in huge] == [0, 1, 2]


def test_it_can_be_copied_out(project: Path) -> None:
    """Nothing but the standard library and itself."""
    files = sorted((project / "cip" / "client").glob("*.py"))
    assert len(files) == 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names, file
