"""Three times the events that can be taken: who is served, how fast, and who is refused."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from _common import PROJECT, Platform, platform, raw_events, utc_now

from cip.domain.permissions import Permission
from cip.domain.tenants import TenantId, tenant_id
from cip.store import keys
from cip.store.client import connect

ROUNDS: Final = 10
SECONDS: Final = 4.0
NOISY_EVENTS: Final = 250
QUIET_EVENTS: Final = 10
QUIET_SECONDS: Final = 0.15
NORMAL_SHARE: Final = 0.8
OVERLOAD: Final = 3.0
CLOSED_SENDERS: Final = 4
CONNECTIONS: Final = 64
GOALS: Final = {"p99 of accepted requests": 2.0, "quiet tenant's median": 1.5}


@dataclass(frozen=True)
class Tenant:
    """A sender's side of a tenant: the head of its requests, and a body with numbers to fill in."""

    id: TenantId
    head: str
    body: str


@dataclass(frozen=True)
class Load:
    """What came back from one sender in one round."""

    seconds: float
    statuses: Mapping[str, int]
    accepted_ms: list[float]

    @property
    def rate(self) -> float:
        return self.statuses.get("202", 0) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.accepted_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True)
class Memory:
    """MB of each worker of the web server and of Redis, and what the streams hold."""

    workers: list[float]
    redis: float
    entries: int


class Bench:
    def __init__(self, running: Platform, port: int) -> None:
        self._port = port
        self._number = 0
        self.noisy = _tenant(running, port, "noisy", NOISY_EVENTS)
        self.quiet = _tenant(running, port, "quiet", QUIET_EVENTS)

    def capacity(self) -> float:
        """Requests a second of the noisy tenant alone, its senders never resting."""
        return self._run([self._sender(self.noisy, None, CLOSED_SENDERS)])["noisy"].rate

    def round(self, rate: float) -> dict[str, Load]:
        return self._run(
            [
                self._sender(self.noisy, rate, CONNECTIONS),
                self._sender(self.quiet, 1 / QUIET_SECONDS, 8) | {"steady": True},
            ]
        )

    def _sender(self, tenant: Tenant, rate: float | None, connections: int) -> dict[str, Any]:
        self._number += 100_000
        return {
            "name": tenant.id,
            "head": tenant.head,
            "body": tenant.body,
            "rate": rate,
            "connections": connections,
            "seed": self._number,
            "number": self._number,
        }

    def _run(self, senders: list[dict[str, Any]]) -> dict[str, Load]:
        plan = {"host": "127.0.0.1", "port": self._port, "seconds": SECONDS, "senders": senders}
        answer = subprocess.run(
            [sys.executable, "-I", "-S", str(PROJECT / "benchmarks" / "_open_load.py")],
            input=json.dumps(plan).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        said = json.loads(answer.stdout)
        if said["unanswered"]:
            print(f"    {said['unanswered']} requests were not answered in time")
        return {
            name: Load(SECONDS, one["statuses"], one["latencies_ms"].get("202", []))
            for name, one in said["senders"].items()
        }


def main() -> None:
    with platform() as running:
        # The limit of a key is there, and out of reach: what is measured stands behind it.
        running.environment["CIP_RATE_LIMIT_REQUESTS"] = "1000000"
        port = running.start_web()
        running.start_ingest()
        bench = Bench(running, port)
        print(
            f"overload: {ROUNDS} pairs of rounds of {SECONDS:.0f} s; requests of {NOISY_EVENTS} "
            f"events at {NORMAL_SHARE} and {OVERLOAD} of the capacity measured just before, by "
            f"{CLOSED_SENDERS} senders without a rest; a latency counts from the scheduled moment"
        )
        bench.capacity()  # warms up
        before = _memory(running)
        pairs = [_pair(bench, number) for number in range(ROUNDS)]
        _tell(pairs)
        _tell_memory(before, _memory(running), pairs)


def _pair(bench: Bench, number: int) -> tuple[dict[str, Load], dict[str, Load]]:
    """(normal, overload), by turns the one or the other first."""
    capacity = bench.capacity()
    print(f"  capacity: {capacity:.0f} requests a second")
    rates = {"normal": NORMAL_SHARE * capacity, "overload": OVERLOAD * capacity}
    order = sorted(rates, reverse=bool(number % 2))
    found = {}
    for kind in order:
        found[kind] = bench.round(rates[kind])
        _tell_round(kind, found[kind])
    return found["normal"], found["overload"]


def _tell_round(kind: str, loads: Mapping[str, Load]) -> None:
    for name, load in loads.items():
        statuses = ", ".join(
            f"{count}× {status}" for status, count in sorted(load.statuses.items())
        )
        print(
            f"    {kind:8} {name:5}: {load.rate:6.1f} accepted a second, median "
            f"{load.percentile(0.5):6.1f} ms, p99 {load.percentile(0.99):6.1f} ms; {statuses}"
        )


def _tell(pairs: list[tuple[dict[str, Load], dict[str, Load]]]) -> None:
    p99 = statistics.median(
        over["noisy"].percentile(0.99) / normal["noisy"].percentile(0.99) for normal, over in pairs
    )
    quiet = statistics.median(
        over["quiet"].percentile(0.5) / normal["quiet"].percentile(0.5) for normal, over in pairs
    )
    for (name, goal), ratio in zip(GOALS.items(), (p99, quiet), strict=True):
        print(f"ratio {name}, overload ÷ normal = {ratio:.2f} (goal ≤ {goal})")
    for kind, rounds in zip(("normal", "overload"), zip(*pairs, strict=True), strict=True):
        for name in ("noisy", "quiet"):
            statuses: Counter[str] = Counter()
            for one in rounds:
                statuses.update(one[name].statuses)
            total = statuses.total()
            told = ", ".join(f"{100 * n / total:.1f} % {s}" for s, n in sorted(statuses.items()))
            print(f"  {kind} {name}: {told}")


def _tell_memory(
    before: Memory, after: Memory, pairs: Sequence[tuple[dict[str, Load], ...]]
) -> None:
    accepted = sum(
        len(load.accepted_ms) * events
        for pair in pairs
        for one in pair
        for load, events in ((one["noisy"], NOISY_EVENTS), (one["quiet"], QUIET_EVENTS))
    )
    workers = ", ".join(
        f"{old:.0f} → {new:.0f}" for old, new in zip(before.workers, after.workers, strict=True)
    )
    print(
        f"  memory, MB: web workers {workers}; Redis {before.redis:.0f} → {after.redis:.0f}, while"
    )
    print(
        f"  {accepted:,} events were accepted and the streams went from {before.entries:,} to "
        f"{after.entries:,} entries (they are trimmed every half minute)"
    )


def _memory(running: Platform) -> Memory:
    client: Any = connect(running.redis_url, timeout_seconds=5)
    used = client.info("memory")["used_memory"] / 1e6
    entries = sum(client.xlen(keys.events(tenant_id(name))) for name in ("noisy", "quiet"))
    client.close()
    return Memory(_workers(running), used, entries)


def _workers(running: Platform) -> list[float]:
    """MB resident of each worker process of the web server."""
    master = running.web_pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return [_resident(int(pid)) for pid in children]


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1e3
    return 0.0


def _tenant(running: Platform, port: int, name: str, events: int) -> Tenant:
    accounts = running.services.accounts
    tenant = tenant_id(name)
    accounts.create_tenant(tenant)
    key = accounts.create_key(tenant, "bench", frozenset({Permission.EVENTS_WRITE}))[1]
    raw = raw_events(events, seed=1, over=timedelta(minutes=30), until=utc_now())
    for at, event in enumerate(raw):
        event["event_id"] = f"{name}-@NUMBER@-{at}"
    head = (
        "POST /api/v1/events HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
        "Accept: application/json\r\nUser-Agent: overload\r\n"
    )
    return Tenant(tenant, head, json.dumps({"events": raw}))


if __name__ == "__main__":
    main()
