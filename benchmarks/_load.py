"""A load generator of its own process: closed loops over kept-alive connections, one thread.

Reads a plan as JSON from standard input and prints what came back as JSON. It renders requests
beforehand and looks at no more of an answer than its status, its length and a version, so that the
server and not the client is measured. Standard library only: it starts in no time.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_VERSION = re.compile(rb'"version":"([^"]+)"')
_SLOT = b"@VERSION@"


@dataclass
class Connection:
    """One viewer. With two requests it is a page: it ticks, and asks its panel when the tick
    has told a version that it has not seen."""

    sock: socket.socket
    version: bytes
    heads: cycle[bytes]
    waits_for: str = "tick"
    sent_at: float = 0.0
    buffer: bytearray = field(default_factory=bytearray)


class Load:
    def __init__(self, plan: dict[str, Any]) -> None:
        self._address = (plan["host"], plan["port"])
        self._heads = [head.encode() for head in plan["heads"]]
        self._tick = plan["body"].encode()
        self._panel = plan["panel"].encode() if plan.get("panel") else None
        self._forgets = bool(plan.get("forgets"))
        self._start_version = plan.get("version", "").encode()
        self._seconds = plan["seconds"]
        self._connections = plan["connections"]
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.bytes = 0

    def run(self) -> dict[str, Any]:
        selector = selectors.DefaultSelector()
        for number in range(self._connections):
            sock = socket.create_connection(self._address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            # Each connection speaks for its share of the viewers, one after the other.
            mine = self._heads[number :: self._connections] or self._heads
            connection = Connection(sock, self._start_version, cycle(mine))
            selector.register(sock, selectors.EVENT_READ, connection)
            self._ask(connection)
        begun = time.perf_counter()
        end = begun + self._seconds
        while (now := time.perf_counter()) < end:
            for key, _ in selector.select(timeout=max(0.0, end - now)):
                self._receive(key.data)
        took = time.perf_counter() - begun
        selector.close()
        ordered = sorted(self.latencies)
        return {
            "requests": len(ordered),
            "seconds": took,
            "statuses": dict(self.statuses),
            "bytes": self.bytes,
            "p50_ms": 1e3 * ordered[len(ordered) // 2] if ordered else None,
            "p99_ms": 1e3 * ordered[len(ordered) * 99 // 100] if ordered else None,
        }

    def _ask(self, connection: Connection) -> None:
        asks_panel = connection.waits_for == "panel" and self._panel
        template = self._panel if asks_panel and self._panel else self._tick
        body = template.replace(_SLOT, connection.version)
        connection.sent_at = time.perf_counter()
        head = next(connection.heads)
        connection.sock.send(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body))

    def _receive(self, connection: Connection) -> None:
        chunk = connection.sock.recv(262_144)
        if not chunk:
            raise SystemExit("the server closed a connection")
        connection.buffer += chunk
        head_end = connection.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        found = _LENGTH.search(connection.buffer, 0, head_end)
        length = head_end + 4 + (int(found[1]) if found else 0)
        if len(connection.buffer) < length:
            return
        answer = bytes(connection.buffer[:length])
        del connection.buffer[:length]
        self._finish(connection, answer)
        self._ask(connection)

    def _finish(self, connection: Connection, answer: bytes) -> None:
        self.latencies.append(time.perf_counter() - connection.sent_at)
        self.bytes += len(answer)
        self.statuses[f"{connection.waits_for} {answer[9:12].decode()}"] += 1
        if connection.waits_for == "panel":
            connection.waits_for = "tick"
            if self._forgets:
                connection.version = self._start_version
        elif self._panel and (found := _VERSION.search(answer)):
            connection.version = found[1]
            connection.waits_for = "panel"


if __name__ == "__main__":
    print(json.dumps(Load(json.load(sys.stdin)).run()))
