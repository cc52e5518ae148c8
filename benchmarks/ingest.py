"""Accepting, counting and keeping events, against a plain pipelined XADD of the same payloads."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from _common import (
    PROJECT,
    TENANT,
    Platform,
    api_key,
    platform,
    raw_events,
    send,
    tell_ratio,
    utc_now,
)

from cip.domain.events import parse_event
from cip.ingest.consumers import TenantConsumer
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, connect_for_writes
from cip.store.streams import encode

ROUNDS = 5
REQUESTS = 40
EVENTS_A_REQUEST = 1_000
SENDERS = 4
GOALS = {"accepted": 0.6, "live": 0.6, "history": 0.5}


def main() -> None:
    with platform() as running:
        port = running.start_web()
        key = api_key(running.services)
        print(
            f"ingest: {ROUNDS} rounds of {REQUESTS} requests of {EVENTS_A_REQUEST:,} events by "
            f"{SENDERS} senders; every write is on the disk before it is acknowledged"
        )
        print("  events a second:  XADD   accepted       live    history   live, shuffled")
        bystander = Bystander(running)
        rounds = [_round(running, port, key, seed, bystander) for seed in range(ROUNDS + 1)][1:]
        bystander.tell()
        for name, goal in GOALS.items():
            ratio = statistics.median(rates[name] / rates["xadd"] for rates in rounds)
            tell_ratio(f"ingest_{name}", ratio, goal)
        shuffled = statistics.median(rates["shuffled"] / rates["xadd"] for rates in rounds)
        print(f"ratio ingest_live_shuffled = {shuffled:.2f} (no goal)")


class Bystander:
    """Somebody who reads from the same server meanwhile, in a process of its own."""

    def __init__(self, running: Platform) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROJECT / "benchmarks" / "_bystander.py"), running.redis_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def during(self, phase: str, work: Callable[[], None]) -> float:
        """Seconds that the work took."""
        self._say(phase)
        begun = time.perf_counter()
        work()
        took = time.perf_counter() - begun
        self._say("between")
        return took

    def tell(self) -> None:
        answer, _ = self._process.communicate()
        print("  a bystander's read meanwhile (ms):   median      p99  longest")
        for phase, waits in json.loads(answer).items():
            if phase in ("start", "between"):
                continue
            waits.sort()
            print(
                f"    {phase:32}{statistics.median(waits):8.2f} "
                f"{waits[int(len(waits) * 0.99)]:8.2f} {waits[-1]:8.2f}"
            )

    def _say(self, phase: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it has a pipe
        self._process.stdin.write(f"{phase}\n")
        self._process.stdin.flush()


def _round(
    running: Platform, port: int, key: str, seed: int, bystander: Bystander
) -> dict[str, float]:
    """Events a second of each part. The first round warms up and is dropped by the caller."""
    now = utc_now()
    number = REQUESTS * EVENTS_A_REQUEST if seed else 2 * EVENTS_A_REQUEST
    events = raw_events(number, seed=seed, over=timedelta(minutes=30), until=now)
    _in_order(events)
    bodies = [
        json.dumps({"events": events[at : at + EVENTS_A_REQUEST]}).encode()
        for at in range(0, number, EVENTS_A_REQUEST)
    ]
    tenant = running.services.resources.tenant(TENANT)
    payloads = [encode(parse_event(raw, tenant=tenant, now=now)) for raw in events]
    client = connect_for_writes(running.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    consumer = TenantConsumer(client, running.history_root, TENANT, utc_now)
    consumer.prepare()
    bystander.during("nothing", lambda: time.sleep(1))
    works: dict[str, Callable[[], None]] = {
        "xadd": lambda: _xadd(running, payloads),
        "accepted": lambda: _post(port, key, bodies),
        "live": lambda: _drain(consumer.live_step, number),
        "history": lambda: _drain(consumer.history_step, number),
    }
    rates = {name: number / bystander.during(name, work) for name, work in works.items()}
    rates["shuffled"] = _shuffled(running, consumer, number, seed, bystander)
    client.close()
    if seed:
        print("                 " + " ".join(f"{rate:10,.0f}" for rate in rates.values()))
    return rates


def _in_order(events: list[dict[str, Any]]) -> None:
    """As they happen, and so as they come."""
    events.sort(key=lambda event: str(event["occurred_at"]))


def _shuffled(
    running: Platform, consumer: TenantConsumer, number: int, seed: int, bystander: Bystander
) -> float:
    """`live` once more, with the events of half an hour in any order: each batch holds some of
    every minute."""
    events = raw_events(number, seed=1_000 + seed, over=timedelta(minutes=30), until=utc_now())
    send(running.services, TENANT, events)
    took = bystander.during("live, shuffled", lambda: _drain(consumer.live_step, number))
    _drain(consumer.history_step, number)
    return number / took


def _xadd(running: Platform, payloads: list[bytes]) -> None:
    client = connect_for_writes(running.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
    for start in range(0, len(payloads), EVENTS_A_REQUEST):
        pipeline = client.pipeline(transaction=False)
        for payload in payloads[start : start + EVENTS_A_REQUEST]:
            pipeline.xadd("bench:yardstick", {"e": payload})
        pipeline.execute()
    client.delete("bench:yardstick")
    client.close()


def _post(port: int, key: str, bodies: list[bytes]) -> None:
    """All bodies, by some senders; each keeps its connection."""
    failures: list[int] = []
    refused: list[int] = []

    def post_all(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        head = {"X-API-Key": key, "Content-Type": "application/json"}
        waiting = list(reversed(mine))
        while waiting:
            connection.request("POST", "/api/v1/events", waiting[-1], head)
            answer = connection.getresponse()
            accepted = json.loads(answer.read()).get("accepted")
            if answer.status == 429:  # as a client that is in a hurry
                refused.append(1)
                time.sleep(0.02)
                continue
            waiting.pop()
            if answer.status != 202 or accepted != EVENTS_A_REQUEST:
                failures.append(answer.status)
        connection.close()

    threads = [
        threading.Thread(target=post_all, args=(bodies[at::SENDERS],)) for at in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"requests were answered {sorted(set(failures))}")
    if refused:
        print(f"                 {len(refused)} requests were asked to come again (429)")


def _drain(step: Callable[[], int], number: int) -> None:
    done = 0
    while done < number:
        done += step()


if __name__ == "__main__":
    main()
