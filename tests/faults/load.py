"""Load over real HTTP, with a ledger of what was acknowledged."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

BATCH: Final = 40
PACE_SECONDS: Final = 0.08
INSIGHT_PACE_SECONDS: Final = 0.7
CUSTOMERS: Final = 400
_KINDS: Final = (
    ("page.viewed", 60),
    ("purchase.completed", 20),
    ("purchase.refunded", 4),
    ("feature.used", 16),
)
_CHANNELS: Final = ("web", "mobile", "e:mail", "sto|re")
# Away from the edge of what the counters keep (50 hours), which moves on while the test runs.
_AGES_MINUTES: Final = ((0.02, 80), (3, 8), (70, 5), (60 * 30, 4), (60 * 24 * 40, 3))
_TIMEOUT_SECONDS: Final = 5.0


@dataclass
class Ledger:
    """What the platform has promised to keep. Threads write to it under the lock."""

    acknowledged: set[str] = field(default_factory=set)
    amounts: Counter[str] = field(default_factory=Counter)  # by type, minor units
    tries: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    answers: int = 0  # computed insights
    faults: list[str] = field(default_factory=list)  # answers that must never be given
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(self, events: list[dict[str, Any]]) -> None:
        with self.lock:
            for event in events:
                if event["event_id"] not in self.acknowledged:
                    self.acknowledged.add(event["event_id"])
                    self.amounts[event["type"]] += event["properties"].get("amount_minor", 0)

    def failed(self, why: str) -> None:
        with self.lock:
            self.failures[why] += 1

    def wrong(self, what: str) -> None:
        with self.lock:
            self.faults.append(what)


class Client:
    """One kept connection, opened again after each failure. `post` answers (0, "") on none."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._connection = self._open()

    def post(self, path: str, body: object) -> tuple[int, str]:
        try:
            self._connection.request("POST", path, json.dumps(body), self._headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = self._open()
            return 0, type(error).__name__

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)


class Load:
    """Two threads that send events, one that asks for insights, until `stop`."""

    def __init__(self, port: int, key: str, seed: int) -> None:
        self.ledger = Ledger()
        self._port = port
        self._key = key
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(random.Random(f"{seed}/{name}"), name))
            for name in ("a", "b")
        ]
        self._threads.append(threading.Thread(target=self._ask))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns once each thread has got its last batch acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(90.0)
        assert not any(thread.is_alive() for thread in self._threads), self.ledger.failures

    def _send(self, draw: random.Random, name: str) -> None:
        with closing(Client(self._port, self._key)) as client:
            self._send_by(client, draw, name)

    def _send_by(self, client: Client, draw: random.Random, name: str) -> None:
        number = 0
        sent: list[list[dict[str, Any]]] = []
        while not self._stop.is_set():
            if sent and draw.random() < 0.05:  # a client that does not remember
                events = draw.choice(sent)
            else:
                events = [_event(draw, f"{name}{number + i}") for i in range(BATCH)]
                number += BATCH
                sent = [*sent[-20:], events]
            self._until_acknowledged(client, events)
            self._stop.wait(PACE_SECONDS)

    def _until_acknowledged(self, client: Client, events: list[dict[str, Any]]) -> None:
        """The same batch with the same ids, until the platform says that it has it."""
        for wait in _backoff():
            self.ledger.tries += 1
            status, text = client.post("/api/v1/events", {"events": events})
            if status == 202:
                answer = json.loads(text)
                if answer["rejected"] or answer["accepted"] + answer["duplicates"] != len(events):
                    self.ledger.wrong(text)
                return self.ledger.acknowledge(events)
            self.ledger.failed(f"{status}" if status else text)
            if status not in (0, 503):
                self.ledger.wrong(f"{status} {text}")
            threading.Event().wait(wait)
        return None

    def _ask(self) -> None:
        with closing(Client(self._port, self._key)) as client:
            self._ask_by(client)

    def _ask_by(self, client: Client) -> None:
        questions: tuple[tuple[str, dict[str, Any]], ...] = (
            ("kpis", {"period": {"last": "30d"}}),
            ("rfm", {}),
            ("timeseries", {"period": {"last": "10d"}, "bucket": "day"}),
        )
        turn = 0
        while not self._stop.wait(INSIGHT_PACE_SECONDS):
            slug, query = questions[turn % len(questions)]
            turn += 1
            status, text = client.post(f"/api/v1/insights/{slug}?wait=2", query)
            if status == 200:
                self.ledger.answers += 1
            elif status not in (0, 202, 503):
                self.ledger.wrong(f"{slug}: {status} {text}")


def answered(port: int, key: str, slug: str, query: object) -> bool:
    """Whether the insight is answered with a computed result, within two seconds."""
    with closing(Client(port, key)) as client:
        return client.post(f"/api/v1/insights/{slug}?wait=2", query)[0] == 200


def _backoff() -> list[float]:
    """About eighty seconds of patience."""
    return [0.05, 0.1, 0.2, 0.4, *[0.5] * 160]


def _event(draw: random.Random, event_id: str) -> dict[str, Any]:
    kind = _weighted(draw, _KINDS)
    age = timedelta(minutes=_weighted(draw, _AGES_MINUTES))
    properties: dict[str, Any] = {}
    if kind.startswith("purchase."):
        properties = {"amount_minor": draw.randrange(1, 50_000), "currency": "EUR"}
    return {
        "event_id": event_id,
        # Some customers come again and again, some are seen once.
        "customer_id": f"c{min(draw.randrange(CUSTOMERS), draw.randrange(CUSTOMERS))}",
        "type": kind,
        "occurred_at": (datetime.now(UTC) - age).isoformat(),
        "channel": draw.choice(_CHANNELS),
        "properties": properties,
    }


def _weighted(draw: random.Random, choices: tuple[tuple[Any, int], ...]) -> Any:
    return draw.choices([value for value, _ in choices], [weight for _, weight in choices])[0]
