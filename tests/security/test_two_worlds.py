"""Non-interference: what a tenant is told is the same whether another one is empty or busy."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from tests.factories import Platform, raw_event
from tests.security.scanner import unpacked
from tests.security.traffic import requests
from tests.security.worlds import (
    BROWSERS,
    OUR_CANARY,
    OURS,
    THEIR_CANARY,
    THEIRS,
    WorkerHere,
    World,
    fill,
    settings_of,
)

# What differs between any two runs, and nothing else: made of chance, or of the store's own clock.
MASKS = (
    (re.compile(rb"\d{13}-\d+"), b"(stream id)"),
    (re.compile(rb"cip_(?!access)[A-Z0-9]{6}_[A-Za-z0-9_-]{43}"), b"(api key)"),
    (re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+"), b"(token)"),
    (re.compile(rb'"end_id":"[\w~]+"'), b'"end_id":""'),  # of Dash, a process's own
    (re.compile(rb"[?]m=[\d.]+"), b"?m=0"),  # when a file of ours was last changed
    (re.compile(rb'"ms": ?[\d.]+'), b'"ms":0'),
    (re.compile(rb"RateLimit-(Remaining|Reset)', '\d+'"), b"(what is left by now)"),
)
Told = list[tuple[str, str, bytes]]
# Wrong tries at these count for everybody, whosever name they are in.
_THROTTLED = ("/login", "/api/v1/auth/token")
# The receipt is made of chance, and its trace is a link of the audit log's chain.
_BY_CHANCE = "/api/v1/customers/"
WHO = ("admin", "analyst", "viewer")


@pytest.fixture
def begun(world: World) -> World:
    """Our tenant with data, the other one without."""
    fill(world, OURS, "adelheid", OUR_CANARY)
    return world


def test_another_tenants_business_changes_no_byte_of_an_answer(
    begun: World, redis_url: str, tmp_path: Path, history_root: str
) -> None:
    sessions = {who: begun.secret(BROWSERS[who]) for who in WHO}
    start = _dump(begun.platform.client)
    quiet = _told(_fresh(redis_url, history_root, tmp_path), sessions)

    _restore(begun.platform.client, start)
    busy_world = _fresh(redis_url, history_root, tmp_path)
    _make_busy(busy_world)
    busy = _told(busy_world, sessions, meanwhile=busy_world)

    assert len(quiet) == len(busy) > 3 * 80
    assert not _difference(quiet, busy)
    assert any(OUR_CANARY.word.encode() in body for _, _, body in quiet)


def test_the_comparison_would_see_a_difference(
    begun: World, redis_url: str, tmp_path: Path, history_root: str
) -> None:
    """One event more of our own shows."""
    sessions = {"admin": begun.secret(BROWSERS["admin"])}
    start = _dump(begun.platform.client)
    before = _told(_fresh(redis_url, history_root, tmp_path), sessions)
    _restore(begun.platform.client, start)
    again = _told(_fresh(redis_url, history_root, tmp_path), sessions)
    assert not _difference(before, again)
    _restore(begun.platform.client, start)
    other = _fresh(redis_url, history_root, tmp_path)
    _send_one_more(other)
    assert _told(other, sessions) != before


def _send_one_more(world: World) -> None:
    world.platform.send(raw_event(event_id="one more"))


def _fresh(redis_url: str, history_root: str, tmp_path: Path) -> World:
    """A process that remembers nothing, on what the store holds."""
    world = World(Platform(redis_url, history_root), settings_of(redis_url, tmp_path / "home"))
    world.work_with(WorkerHere(world.platform))
    return world


def _make_busy(world: World) -> None:
    fill(world, THEIRS, "ottokar", THEIR_CANARY)
    _disturb(world)


def _disturb(world: World) -> None:
    """The other tenant's admin looks at everything, so that results are computed and kept."""
    client = world.browser("ottokar")
    for method, path, options in requests(world):
        if path not in _THROTTLED:
            client.open(path, method=method, **options)


def _told(world: World, sessions: dict[str, str], meanwhile: World | None = None) -> Told:
    """Every answer to the same requests in the same order, masked. `meanwhile`: somebody of the
    other tenant is at work between them."""
    told: Told = []
    other = meanwhile.browser("ottokar") if meanwhile else None
    for who, secret in sessions.items():
        client = world.browser(BROWSERS[who], secret)
        quiet = [one for one in requests(world, acts=False) if one[1] not in _THROTTLED]
        disturbing = itertools.cycle(quiet[::7])
        for number, (method, path, options) in enumerate(requests(world)):
            if path in _THROTTLED or path.startswith(_BY_CHANCE):
                continue
            headers = {**options.get("headers", {}), "X-Request-ID": f"request-{number:06}"}
            answer = client.open(path, method=method, **{**options, "headers": headers})
            told.append((who, f"{method} {path}", _plain(answer)))
            if other and number % 12 == 0:
                kind, place, more = next(disturbing)
                other.open(place, method=kind, **more)
    return told


def _plain(answer: Any) -> bytes:
    """Status, headers and body, with what is chance in them masked."""
    names = sorted(
        (name, value if name != "Set-Cookie" else value.partition("=")[0])
        for name, value in answer.headers.items()
        if name not in ("Content-Length", "Date", "ETag")
    )
    body = unpacked(answer.data, answer.headers.get("Content-Encoding", ""))
    text = f"{answer.status}\n{names}\n".encode() + body
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def _difference(one: Told, other: Told) -> str:
    """Where two of the runs first differ, with what stands around it."""
    for (who, what, left), (_, _, right) in zip(one, other, strict=True):
        for place, (a, b) in enumerate(zip(left, right, strict=False)):
            if a != b:
                around = slice(max(place - 60, 0), place + 60)
                return f"{who} {what}: {left[around]!r} or {right[around]!r}"
        if left != right:
            return f"{who} {what}: {left[-80:]!r} or {right[-80:]!r}"
    return ""


def _dump(client: Any) -> dict[bytes, tuple[int, bytes]]:
    return {
        key: (max(client.pttl(key), 0), client.dump(key))
        for key in client.scan_iter(match="*", count=1_000)
    }


def _restore(client: Any, state: dict[bytes, tuple[int, bytes]]) -> None:
    client.flushall()
    for key, (ttl, value) in state.items():
        client.restore(key, ttl, value)
