"""From the answer that an event is accepted to the tick that shows it, in refresh intervals."""

from __future__ import annotations

import http.client
import json
import random
import statistics
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from _common import (
    Target,
    api_key,
    platform,
    post,
    raw_events,
    sign_in,
    utc_now,
)
from ticks import tick_target

from layouts import ids

INTERVAL_SECONDS = 5.0  # the shortest that the page offers
VIEWERS = 6
RUN_SECONDS = 90.0
PACE_SECONDS = 0.25
GOAL = 1.5


@dataclass
class Watch:
    """What one viewer saw: when, and how many events the page counted."""

    seen: list[tuple[float, int]] = field(default_factory=list)


def main() -> None:
    with platform() as running:
        running.start_ingest()
        port = running.start_web()
        key = api_key(running.services)
        cookie = sign_in(port)
        _post_event(port, key, 0)
        _await_first(tick_target(port, cookie))
        accepted = [0.0]
        done = threading.Event()
        watches = [Watch() for _ in range(VIEWERS)]
        threads = [
            threading.Thread(target=_watch, args=(tick_target(port, cookie), watch, number, done))
            for number, watch in enumerate(watches)
        ]
        for thread in threads:
            thread.start()
        _send(port, key, accepted)
        time.sleep(2 * INTERVAL_SECONDS)
        done.set()
        for thread in threads:
            thread.join()
        _tell(accepted, watches)


def _send(port: int, key: str, accepted: list[float]) -> None:
    """One event after the other; `accepted`: when each was answered."""
    draw = random.Random(3)  # noqa: S311 - load, not secrets
    until = time.monotonic() + RUN_SECONDS
    while time.monotonic() < until:
        _post_event(port, key, len(accepted))
        accepted.append(time.monotonic())
        time.sleep(draw.uniform(0, 2 * PACE_SECONDS))


def _post_event(port: int, key: str, number: int) -> None:
    event = raw_events(1, seed=number, over=timedelta(0), until=utc_now())
    body = json.dumps({"events": event})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    head = {"X-API-Key": key, "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/events", body, head)
    answer = connection.getresponse()
    if answer.status != 202 or json.loads(answer.read())["accepted"] != 1:
        raise SystemExit(f"an event was answered {answer.status}")
    connection.close()


def _await_first(target: Target) -> None:
    watch = Watch()
    deadline = time.monotonic() + 30
    while not watch.seen or watch.seen[-1][1] < 1:
        if time.monotonic() > deadline:
            raise SystemExit("the first event was not shown within 30 s")
        _look(target, "", watch)
        time.sleep(0.2)


def _watch(target: Target, watch: Watch, number: int, done: threading.Event) -> None:
    """A page that ticks; the viewers began at different moments."""
    version = ""
    due = time.monotonic() + INTERVAL_SECONDS * number / VIEWERS
    while not done.wait(max(0.0, due - time.monotonic())):
        version = _look(target, version, watch)
        due += INTERVAL_SECONDS


def _look(target: Target, version: str, watch: Watch) -> str:
    """One tick, and the figures when they are of another version; the version shown now."""
    _, told = post(target.port, target.body.replace("@VERSION@", version), target.cookie)
    new = (told or {}).get("response", {}).get(ids.PULSE, {}).get("data", {}).get("version")
    if not new or new == version:
        return version
    panel = target.panel or ""
    _, drawn = post(target.port, panel.replace("@VERSION@", new), target.cookie)
    strip = drawn["response"][ids.figures_data(ids.KPIS)]["data"]
    if strip["state"] != "shown":
        return version
    watch.seen.append((time.monotonic(), _events(strip["cells"])))
    return str(new)


def _events(cells: list[dict[str, Any]]) -> int:
    text = next(cell["exact"] for cell in cells if cell["metric"] == "events")
    return int("".join(sign for sign in text if sign.isdigit()))


def _tell(accepted: list[float], watches: list[Watch]) -> None:
    waits: list[float] = []
    for watch in watches:
        counts = [count for _, count in watch.seen]
        for number, at in enumerate(accepted[1:], start=2):  # the first event was there before
            place = bisect_left(counts, number)
            if place == len(counts):
                raise SystemExit(f"event {number} was never shown")
            waits.append((watch.seen[place][0] - at) / INTERVAL_SECONDS)
    waits.sort()
    p95 = waits[int(len(waits) * 0.95)]
    print(
        f"freshness: {len(accepted) - 1} events, {VIEWERS} viewers of {INTERVAL_SECONDS:.0f} s: "
        f"median {statistics.median(waits):.2f} intervals, longest {waits[-1]:.2f}"
    )
    print(f"ratio accepted_to_shown_p95 = {p95:.2f} (goal ≤ {GOAL})")


if __name__ == "__main__":
    main()
