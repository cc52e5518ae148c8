"""Load over real HTTP, with a ledger of what was acknowledged."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

BATCH: Final = 40
PACE_SECONDS: Final = 0.08
CROWD: Final = 4  # threads that send the same events at once
CROWD_BATCH: Final = 10
CROWD_PACE_SECONDS: Final = 0.8
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
PATIENCE_SECONDS: Final = 300.0


@dataclass
class Ledger:
    """What the platform has promised to keep. Threads write to it under the lock."""

    acknowledged: set[str] = field(default_factory=set)
    amounts: Counter[str] = field(default_factory=Counter)  # by type, minor units
    tries: int = 0
    answered: Counter[str] = field(default_factory=Counter)  # accepted, duplicates
    failures: Counter[str] = field(default_factory=Counter)
    insights: int = 0  # computed
    faults: list[str] = field(default_factory=list)  # answers that must never be given
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(
        self, events: list[dict[str, Any]], accepted: int = 0, duplicates: int = 0
    ) -> None:
        with self.lock:
            self.answered.update(accepted=accepted, duplicates=duplicates)
            for event in events:
                if event["event_id"] not in self.acknowledged:
                    self.acknowledged.add(event["event_id"])
                    self.amounts[event["type"]] += event["properties"].get("amount_minor", 0)

    def tried(self) -> None:
        with self.lock:
            self.tries += 1

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
    """Threads that send events, each to one of `ports`, some the same ones at once, and one that
    asks for insights, until `stop`."""

    def __init__(self, ports: Sequence[int], key: str, seed: int) -> None:
        self.ledger = Ledger()
        self._ports = ports
        self._key = key
        self._seed = seed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._rounds = 0

    def start(self) -> None:
        """Also again after a stop."""
        self._rounds += 1
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=target, args=(f"{name}{self._rounds}.", port))
            for name, target, port in (
                *((f"s{place}", self._send, port) for place, port in enumerate(self._ports)),
                ("c", self._crowd, self._ports[0]),
                ("", self._ask, self._ports[-1]),
            )
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns once each thread has got its last batch acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS * 1.5)
        assert not any(thread.is_alive() for thread in self._threads), self.ledger.failures

    def send(self, events: list[dict[str, Any]]) -> None:
        """Sends a batch besides the others', until it is acknowledged."""
        with closing(Client(self._ports[-1], self._key)) as client:
            self._until_acknowledged(client, events)

    def _send(self, name: str, port: int) -> None:
        draw = random.Random(f"{self._seed}/{name}")
        with closing(Client(port, self._key)) as client:
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

    def _crowd(self, name: str, _port: int) -> None:
        """Several clients that have the same events and send them at the same moment."""
        draw = random.Random(f"{self._seed}/{name}")
        number = 0
        while not self._stop.wait(CROWD_PACE_SECONDS):
            events = [_event(draw, f"{name}{number + i}") for i in range(CROWD_BATCH)]
            number += CROWD_BATCH
            together = threading.Barrier(CROWD)
            threads = [
                threading.Thread(target=self._one_of_many, args=(events, together, place))
                for place in range(CROWD)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _one_of_many(
        self, events: list[dict[str, Any]], together: threading.Barrier, place: int
    ) -> None:
        with closing(Client(self._ports[place % len(self._ports)], self._key)) as client:
            together.wait(10.0)
            self._until_acknowledged(client, events)

    def _until_acknowledged(self, client: Client, events: list[dict[str, Any]]) -> None:
        """The same batch with the same ids, until the platform says that it has it."""
        for wait in _backoff():
            self.ledger.tried()
            status, text = client.post("/api/v1/events", {"events": events})
            if status == 202:
                return self._check(events, json.loads(text))
            self.ledger.failed(f"{status}" if status else text)
            if status not in (0, 429, 503):
                self.ledger.wrong(f"{status} {text}")
            threading.Event().wait(wait)
        return self.ledger.wrong(f"{events[0]['event_id']} was not taken in {PATIENCE_SECONDS} s")

    def _check(self, events: list[dict[str, Any]], answer: dict[str, Any]) -> None:
        accepted, duplicates = answer["accepted"], answer["duplicates"]
        if answer["rejected"] or accepted + duplicates != len(events):
            self.ledger.wrong(str(answer))
        self.ledger.acknowledge(events, accepted, duplicates)

    def _ask(self, _name: str, port: int) -> None:
        with closing(Client(port, self._key)) as client:
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
                self.ledger.insights += 1
            elif status not in (0, 202, 429, 503):
                self.ledger.wrong(f"{slug}: {status} {text}")


def answered(port: int, key: str, slug: str, query: object) -> bool:
    """Whether the insight is answered with a computed result, within two seconds."""
    with closing(Client(port, key)) as client:
        return client.post(f"/api/v1/insights/{slug}?wait=2", query)[0] == 200


def _backoff() -> list[float]:
    """Pauses that last for as long as the patience does, and longer where answers are slow."""
    return [0.05, 0.1, 0.2, 0.4, *[0.5] * int(2 * PATIENCE_SECONDS)]


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
