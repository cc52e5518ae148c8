"""An idle tick and a KPI tick with new data, against an empty Dash callback on the same server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from _common import (
    KEYS,
    TENANT,
    Platform,
    Target,
    alternate,
    callback_body,
    load,
    platform,
    post,
    raw_events,
    send,
    sign_in,
    tell_ratio,
    tell_rounds,
    utc_now,
)

from cip.services import make_services
from cip.store.streams import EventStream
from layouts import ids

ROUNDS = 20
SECONDS = 0.6
WARM_UP_SECONDS = 1.5
GOAL = 0.7
HISTORY_EVENTS = 20_000
EVENTS_A_SECOND = 10


def main() -> None:
    with platform() as running:
        print("ticks: 2 workers of 4 threads, 16 kept-alive connections, Valkey on the same cores")
        now = utc_now()
        send(
            running.services,
            TENANT,
            raw_events(HISTORY_EVENTS, seed=1, over=timedelta(hours=47), until=now),
        )
        running.start_ingest()
        empty_port, port = running.start_empty(), running.start_web()
        _wait_until_counted(running)
        cookie = sign_in(port)
        empty = Target(empty_port, callback_body(empty_port, "", "data.data", {}))
        tick = tick_target(port, cookie)
        for target in (empty, replace(tick, forgets=True)):
            load(target, WARM_UP_SECONDS)
        _idle(tick, empty)
        with _events_arrive(running):
            _with_new_data(tick, empty)


def _idle(tick: Target, empty: Target) -> None:
    """The minute belongs to the version, so the version is taken anew for every round."""
    pairs = []
    for _ in range(ROUNDS // 2):
        _, answer = post(tick.port, _versioned(tick, ""), tick.cookie)
        version = answer["response"][ids.PULSE]["data"]["version"]
        idle = replace(tick, version=version, panel=None)
        pairs += alternate(idle, empty, rounds=2, seconds=SECONDS)
    tell_ratio("idle_tick", tell_rounds("idle tick", pairs), GOAL)


def _with_new_data(tick: Target, empty: Target) -> None:
    """Events change the figures all the time. First every answer carries them: each tick comes
    from a page that has seen nothing yet. Then pages that remember what they have seen."""
    fresh = replace(tick, forgets=True)
    pairs = alternate(fresh, empty, rounds=ROUNDS, seconds=SECONDS)
    title = f"tick and KPI panel, all with new data ({EVENTS_A_SECOND} events a second)"
    tell_ratio("kpi_tick_new_data", tell_rounds(title, pairs), GOAL)
    pairs = alternate(tick, empty, rounds=ROUNDS, seconds=SECONDS)
    title = "tick, and the KPI panel whenever there is a version not seen yet"
    tell_ratio("kpi_tick_as_watched", tell_rounds(title, pairs), GOAL)


def tick_target(port: int, cookie: str) -> Target:
    """A page of this viewer: its tick, and its KPI panel."""
    output = f"{ids.PULSE}.data"
    first = callback_body(port, cookie, output, {f"{ids.TICK}.n_intervals": 0})
    told = post(port, first, cookie)[1]["response"][ids.PULSE]["data"]
    # A page sends back what it was told last; the version is what the load puts in.
    tick = callback_body(
        port,
        cookie,
        output,
        {f"{ids.PULSE}.data": {**told, "version": "@VERSION@"}, f"{ids.TICK}.n_intervals": 7},
    )
    panel = callback_body(
        port,
        cookie,
        f"{ids.figures_data(ids.KPIS)}.data",
        {
            f"{ids.HOME_FILTERS}.data": "?period=24h",
            f"{ids.VERSION}.data": "@VERSION@",
            f"{ids.drawn(ids.KPIS)}.data": True,
        },
    )
    return Target(port, tick, cookie, panel=panel, version="0.0.0")


def _versioned(target: Target, version: str) -> str:
    return target.body.replace("@VERSION@", version)


def _wait_until_counted(running: Platform) -> None:
    stream = EventStream(running.services.resources.reads, TENANT)
    deadline = time.monotonic() + 60
    while stream.backlog("live") or stream.backlog("history"):
        if time.monotonic() > deadline:
            raise SystemExit("the events were not counted within a minute")
        time.sleep(0.1)


@contextmanager
def _events_arrive(running: Platform) -> Iterator[None]:
    """Ten events a second, one by one, as from a site that is open."""
    services = make_services(running.redis_url, running.redis_url, KEYS)
    done = threading.Event()

    def arrive() -> None:
        number = 1_000
        while not done.wait(1 / EVENTS_A_SECOND):
            number += 1
            send(
                services,
                TENANT,
                raw_events(1, seed=number, over=timedelta(seconds=1), until=utc_now()),
            )

    thread = threading.Thread(target=arrive)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
