"""A load generator of its own process for requests with bodies: several senders, one thread.

Reads a plan as JSON from standard input and prints what came back as JSON. A sender with a rate
keeps to its timetable whatever the server does (an open loop, intervals drawn by a seed), and a
latency counts from the scheduled moment: who has to wait for a connection waits too. A sender
without one asks again as soon as it was answered (a closed loop). Standard library only.
"""

from __future__ import annotations

import heapq
import json
import random
import re
import selectors
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SLOT = b"@NUMBER@"
_PATIENCE_SECONDS = 10.0


@dataclass
class Sender:
    """`body` holds @NUMBER@ where a request's own number goes, so that no event is a repeat."""

    name: str
    head: bytes
    body: bytes
    rate: float  # a second; 0: a closed loop
    draw: random.Random
    number: int
    steady: bool = False
    connections: int = 1
    idle: deque[Connection] = field(default_factory=deque)
    due: deque[float] = field(default_factory=deque)
    statuses: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    sent: int = 0
    late: float = 0.0

    def render(self) -> bytes:
        self.number += 1
        body = self.body.replace(_SLOT, b"%08d" % self.number)
        return b"%sContent-Length: %d\r\n\r\n%s" % (self.head, len(body), body)

    def pause(self) -> float:
        """Until the next request: Poisson, or steady with a little jitter."""
        if self.steady:
            return self.draw.uniform(0.8, 1.2) / self.rate
        return self.draw.expovariate(self.rate)


@dataclass
class Connection:
    sender: Sender
    sock: socket.socket
    scheduled: float = 0.0
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    buffer: bytearray = field(default_factory=bytearray)
    status: str | None = None
    closing: bool = False


class Load:
    def __init__(self, plan: dict[str, Any]) -> None:
        self._address = (plan["host"], plan["port"])
        self._seconds = plan["seconds"]
        self._selector = selectors.DefaultSelector()
        self._senders = [self._sender(one) for one in plan["senders"]]
        self._open = 0
        self._end = 0.0
        self.reconnected = 0

    def _sender(self, one: dict[str, Any]) -> Sender:
        return Sender(
            one["name"],
            one["head"].encode(),
            one["body"].encode(),
            one["rate"] or 0.0,
            random.Random(one["seed"]),  # noqa: S311 - load, not secrets
            one["number"],
            bool(one.get("steady")),
            one["connections"],
        )

    def _opened(self, sender: Sender) -> Connection | None:
        """A new one, when needed: what says nothing takes a thread of the server for seconds."""
        if not sender.connections:
            return None
        sender.connections -= 1
        connection = Connection(sender, self._connect())
        self._selector.register(connection.sock, selectors.EVENT_READ, connection)
        return connection

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(self._address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        sock.setblocking(False)
        return sock

    def run(self) -> dict[str, Any]:
        begun = time.perf_counter()
        self._end = begun + self._seconds
        timetable: list[tuple[float, int]] = []
        for number, sender in enumerate(self._senders):
            if not sender.rate:
                while connection := self._opened(sender):
                    self._ask(connection, begun)
            else:
                heapq.heappush(timetable, (begun + sender.pause(), number))
        while not self._is_over(now := time.perf_counter()):
            self._keep_to(timetable, now)
            wake = timetable[0][0] if timetable else max(self._end, now + 0.05)
            for key, mask in self._selector.select(timeout=max(0.0, wake - now)):
                if mask & selectors.EVENT_WRITE:
                    self._send(key.data)
                if mask & selectors.EVENT_READ:
                    self._receive(key.data)
        return self._told(time.perf_counter() - begun)

    def _is_over(self, now: float) -> bool:
        return now >= self._end and (not self._open or now > self._end + _PATIENCE_SECONDS)

    def _keep_to(self, timetable: list[tuple[float, int]], now: float) -> None:
        while timetable and timetable[0][0] <= now:
            at, number = heapq.heappop(timetable)
            self._due(self._senders[number], at, now)
            following = at + self._senders[number].pause()
            if following < self._end:
                heapq.heappush(timetable, (following, number))

    def _due(self, sender: Sender, at: float, now: float) -> None:
        sender.late = max(sender.late, now - at)
        sender.sent += 1
        if connection := sender.idle.pop() if sender.idle else self._opened(sender):
            self._ask(connection, at)
        else:
            sender.due.append(at)
            self._open += 1

    def _ask(self, connection: Connection, scheduled: float) -> None:
        self._open += 1
        connection.scheduled = scheduled
        connection.status = None
        connection.unsent = memoryview(connection.sender.render())
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        was_waiting = len(connection.unsent)
        try:
            count = connection.sock.send(connection.unsent)
        except BlockingIOError:
            count = 0
        except OSError:
            self._lost(connection)
            return
        connection.unsent = connection.unsent[count:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        if was_waiting:
            self._selector.modify(connection.sock, events, connection)
        self._settle(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            chunk = connection.sock.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._lost(connection)
            return
        connection.buffer += chunk
        head_end = connection.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        found = _LENGTH.search(connection.buffer, 0, head_end)
        length = head_end + 4 + (int(found[1]) if found else 0)
        if len(connection.buffer) < length:
            return
        connection.status = connection.buffer[9:12].decode()
        connection.closing = b"\r\nconnection: close" in connection.buffer[:head_end].lower()
        del connection.buffer[:length]
        self._answered(connection)
        self._settle(connection)

    def _answered(self, connection: Connection) -> None:
        sender, status = connection.sender, connection.status or ""
        sender.statuses[status] += 1
        took = time.perf_counter() - connection.scheduled
        sender.latencies.setdefault(status, []).append(took)
        self._open -= 1

    def _settle(self, connection: Connection) -> None:
        """An answered connection whose request has gone out whole takes the next one."""
        if connection.status is None or connection.unsent:
            return
        if connection.closing:
            self._renew(connection)
        self._next(connection)

    def _next(self, connection: Connection) -> None:
        sender = connection.sender
        now = time.perf_counter()
        if sender.due:
            self._open -= 1
            self._ask(connection, sender.due.popleft())
        elif not sender.rate and now < self._end:
            self._ask(connection, now)
        else:
            connection.status = None
            sender.idle.append(connection)

    def _lost(self, connection: Connection) -> None:
        """The server closed the connection; a request without an answer counts as broken."""
        if connection in connection.sender.idle:
            connection.sender.idle.remove(connection)
            self._selector.unregister(connection.sock)
            connection.sock.close()
            connection.sender.connections += 1
            return
        if connection.status is None:
            connection.status = "broken"
            self._answered(connection)
        self._renew(connection)
        self._next(connection)

    def _renew(self, connection: Connection) -> None:
        self.reconnected += 1
        self._selector.unregister(connection.sock)
        connection.sock.close()
        connection.sock = self._connect()
        connection.unsent = memoryview(b"")
        connection.buffer.clear()
        connection.closing = False
        self._selector.register(connection.sock, selectors.EVENT_READ, connection)

    def _told(self, took: float) -> dict[str, Any]:
        return {
            "seconds": self._seconds,
            "took": took,
            "unanswered": self._open,
            "reconnected": self.reconnected,
            "cpu_seconds": time.process_time(),
            "senders": {
                sender.name: {
                    "sent": sender.sent,
                    "number": sender.number,
                    "late_ms": 1e3 * sender.late,
                    "statuses": dict(sender.statuses),
                    "latencies_ms": {
                        status: [round(1e3 * each, 3) for each in found]
                        for status, found in sender.latencies.items()
                    },
                }
                for sender in self._senders
            },
        }


if __name__ == "__main__":
    print(json.dumps(Load(json.load(sys.stdin)).run()))
