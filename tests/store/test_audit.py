"""The audit log: what is appended stays, whoever else appends."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from cip.domain.audit import Verification
from cip.domain.errors import (
    InvalidInputError,
    UnavailableError,
)
from cip.store.audit import AuditStore
from cip.store.scripts import script
from tests.audit_logs import ACME, HEAD, OTHER, RING, SECRET, STREAM, event, log_of_ten, store


@pytest.fixture
def client(redis_url: str) -> Any:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def audit(redis_url: str) -> AuditStore:
    return log_of_ten(redis_url)


def test_an_entry_comes_back_as_it_was_written(redis_url: str) -> None:
    written = event(
        1, before={"role": "viewer"}, after={"role": None, "n": 2, "x": 0.5, "on": True}
    )
    entry = store(redis_url).append(ACME, written, RING)
    assert entry.number == 1
    (found,) = store(redis_url).page(ACME)
    assert found == entry
    assert found.event == written
    assert type((found.event.after or {})["on"]) is bool


def test_the_chain_is_the_documented_one(audit: AuditStore, client: Any) -> None:
    """Recomputed from `docs/audit.md` alone, without the platform's code."""
    key = hmac.new(SECRET.encode(), b"cip\naudit", hashlib.sha256).digest()
    previous = ""
    for count, (_, fields) in enumerate(client.xrange(STREAM), start=1):
        key_id, body = fields[b"k"].decode(), fields[b"e"].decode()
        message = f"entry\nacme\n{key_id}\n{count}\n{previous}\n{body}"
        previous = hmac.new(key, message.encode(), hashlib.sha256).hexdigest()
        assert fields[b"n"] == str(count).encode()
        assert fields[b"h"] == previous.encode()
        assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")) == body
    seal = hmac.new(key, f"head\nacme\n{key_id}\n10\n{previous}".encode(), hashlib.sha256)
    assert client.hgetall(HEAD) == {
        b"number": b"10",
        b"hash": previous.encode(),
        b"kid": key_id.encode(),
        b"seal": seal.hexdigest().encode(),
    }


def test_many_writers_leave_no_gap_and_a_chain_that_holds(redis_url: str) -> None:
    numbers: list[int] = []

    def write(writer: int) -> None:
        own = store(redis_url)
        for count in range(25):
            entry = own.append(ACME, event(count, subject=f"w{writer}"), RING)
            numbers.append(entry.number)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 201))
    found = store(redis_url)
    assert [entry.number for entry in found.walk(ACME)] == list(range(1, 201))
    head = found.head(ACME)
    assert found.verify(ACME, RING) == Verification(200, head.hash)


@pytest.mark.parametrize(("number", "known"), [("10", "0" * 64), ("9", None)])
def test_the_script_appends_behind_the_head_it_was_told_and_no_other(
    audit: AuditStore, client: Any, number: str, known: str | None
) -> None:
    head = audit.head(ACME)
    append = script(client, "append_audit")
    told: list[int | str] = [number, known or head.hash, 11, "h", "k", "s", "{}"]
    answer = append(keys=[STREAM, HEAD], args=told)
    assert [text.decode() for text in answer] == ["", "10", head.hash, head.key_id, head.seal]
    assert client.xlen(STREAM) == 10
    assert audit.head(ACME) == head


def test_threads_of_one_process_take_turns_and_wait_for_nobody_for_long(
    audit: AuditStore,
) -> None:
    with audit._lock:  # held by a thread that Redis does not answer
        assert audit.append(ACME, event(11), RING).number == 11
    threads = [
        threading.Thread(target=audit.append, args=(ACME, event(number), RING))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.verify(ACME, RING).entries == 19


def test_a_check_while_others_write_raises_no_false_alarm(redis_url: str) -> None:
    writing = threading.Event()
    found = store(redis_url)

    def write() -> None:
        for number in range(600):
            found.append(ACME, event(number), RING)
            writing.set()

    thread = threading.Thread(target=write)
    thread.start()
    writing.wait(10)
    checks = [found.verify(ACME, RING)]
    while thread.is_alive():
        checks.append(found.verify(ACME, RING))
    thread.join()
    assert [check.problem for check in checks] == [None] * len(checks)
    assert found.verify(ACME, RING).entries == 600


def test_logs_do_not_touch_each_other(audit: AuditStore) -> None:
    audit.append(OTHER, event(), RING)
    audit.append(None, event(), RING)
    assert [audit.verify(log, RING).entries for log in (ACME, OTHER, None)] == [10, 1, 1]
    assert audit.page(None)[0].number == 1


def test_pages_go_from_the_newest_to_the_oldest(audit: AuditStore) -> None:
    first = audit.page(ACME, limit=4)
    second = audit.page(ACME, before=first[-1].id, limit=4)
    third = audit.page(ACME, before=second[-1].id, limit=4)
    assert [[entry.number for entry in page] for page in (first, second, third)] == [
        [10, 9, 8, 7],
        [6, 5, 4, 3],
        [2, 1],
    ]
    assert audit.page(ACME, before=third[-1].id) == []


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"before": "+"}, "before"), ({"before": "1-1\n"}, "before"), ({"limit": 0}, "limit")],
)
def test_a_page_that_cannot_be_is_refused(
    audit: AuditStore, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        audit.page(ACME, **arguments)
    assert refused.value.field == field


def test_nothing_is_read_or_written_without_redis() -> None:
    away = store("redis://127.0.0.1:9")
    calls: list[Callable[[], object]] = [
        lambda: away.append(ACME, event(), RING),
        lambda: away.page(ACME),
        lambda: away.head(ACME),
        lambda: away.verify(ACME, RING),
        lambda: list(away.walk(ACME)),
    ]
    for call in calls:
        with pytest.raises(UnavailableError):
            call()


def test_a_full_redis_refuses_the_entry(audit: AuditStore, client: Any) -> None:
    limit = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(UnavailableError):
            audit.append(ACME, event(11), RING)
    finally:
        client.config_set("maxmemory", limit)
    assert audit.verify(ACME, RING).entries == 10
