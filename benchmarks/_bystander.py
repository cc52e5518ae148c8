"""Reads a small hash every few milliseconds and times it, phase by phase, until its input ends.

A line of input begins the phase that it names. At the end: phase → latencies in milliseconds.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import redis

PACE_SECONDS = 0.004


def main() -> None:
    client = redis.Redis.from_url(sys.argv[1])
    client.hset("bystander", mapping={str(field): field for field in range(20)})
    phase = ["start"]
    found: dict[str, list[float]] = {}
    ended = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            phase[0] = line.strip()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    while not ended.wait(PACE_SECONDS):
        now, begun = phase[0], time.perf_counter()
        client.hgetall("bystander")
        found.setdefault(now, []).append((time.perf_counter() - begun) * 1_000)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
