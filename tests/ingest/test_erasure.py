"""A customer is erased everywhere, nobody else is touched, and nothing of it comes back."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import CommitFailedError

from cip import failpoints
from cip.compute.run import run
from cip.domain.erasure import Erasure
from cip.domain.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from cip.domain.permissions import Role
from cip.domain.queries import KpisQuery, RfmQuery
from cip.domain.tenants import tenant_id
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.ingest.erasing import Place, erase_due, restore_tombstones
from cip.store import keys
from cip.store.dead_letters import DeadLetters
from cip.store.results import ResultStore
from cip.store.tombstones import Tombstones
from tests.factories import NOW, Clock, Platform, raw_event, tenant

ACME = tenant_id("acme")
ODD = """O'Brien\\ "x" %_"""
VICTIM = "victim-4711"


class Desk:
    """A platform, and what a job worker does on it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.finished: list[tuple[str, str]] = []

    def request(self, customer: str = VICTIM, name: str = "acme") -> Erasure:
        return self.platform.services.erasure.request(self.platform.principal(name), customer)

    def work(self, name: str = "acme") -> bool:
        place = self.place(name)

        def told(erasure: Erasure) -> None:
            self.finished.append((erasure.id, erasure.state))

        return erase_due(place, told)

    def place(self, name: str = "acme") -> Place:
        platform = self.platform
        return Place(platform.client, platform.history_root, tenant_id(name), platform.clock)

    def erase(self, customer: str = VICTIM, name: str = "acme") -> Erasure:
        erasure = self.request(customer, name)
        assert self.work(name)
        return self.receipt(erasure, name)

    def receipt(self, erasure: Erasure, name: str = "acme") -> Erasure:
        principal = self.platform.principal(name)
        return self.platform.services.erasure.receipt(principal, erasure.id)

    def customers(self, name: str = "acme") -> dict[str, int]:
        """Customer → events in the history."""
        table = HistoryTable(self.platform.history_root, tenant_id(name))
        with connect(table) as history:
            rows = history.execute("SELECT customer_id, count(*) FROM events GROUP BY 1").fetchall()
        return dict(rows)

    def in_redis(self, text: str) -> list[str]:
        """The keys that hold the text, wherever in them."""
        client = self.platform.client
        wanted = (text.encode(), json.dumps(text)[1:-1].encode())
        return sorted(
            name.decode()
            for name in client.scan_iter()
            if any(one in _whole(client, name) for one in wanted) or text.encode() in name
        )

    def in_files(self, text: str, name: str = "acme") -> list[str]:
        """The files of the history's newest version, its log and beside them that hold the text."""
        table = HistoryTable(self.platform.history_root, tenant_id(name))
        live = {Path(uri).name for uri in table.file_uris()}
        found = []
        for file in table.folder.rglob("*"):
            old = file.suffix == ".parquet" and file.parent == table.path and file.name not in live
            if file.is_file() and not old and _file_holds(file, text):
                found.append(file.name)
        return found


def _whole(client: Any, name: bytes) -> bytes:
    """All that a key holds, as bytes."""
    kind = client.type(name)
    if kind == b"string":
        return bytes(client.get(name))
    reads = {
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"stream": client.xrange,
        b"zset": lambda one: client.zrange(one, 0, -1),
        b"list": lambda one: client.lrange(one, 0, -1),
    }
    found: list[bytes] = []
    _flatten(reads[kind](name), found)
    return b"\0".join(found)


def _flatten(value: Any, into: list[bytes]) -> None:
    if isinstance(value, bytes):
        into.append(value)
    elif isinstance(value, dict):
        for item in value.items():
            _flatten(item, into)
    elif isinstance(value, (list, tuple, set)):
        for one in value:
            _flatten(one, into)


def _file_holds(file: Path, text: str) -> bool:
    """Parquet is compressed: its cells are looked at, and its plain bytes (statistics) too."""
    if text.encode() in file.read_bytes():
        return True
    if file.suffix != ".parquet":
        return json.dumps(text)[1:-1] in file.read_text(encoding="utf-8")
    import pyarrow.parquet as pq

    return any(text in str(row) for row in pq.read_table(file).to_pylist())


@pytest.fixture
def desk(platform: Platform) -> Desk:
    return Desk(platform)


@contextmanager
def armed(folder: Path, point: str) -> Iterator[None]:
    """The next process at that point fails there, as far as the rest can tell like a killed one."""
    failpoints.arm(folder)
    (folder / point).write_text("error")
    try:
        yield
    finally:
        failpoints.arm(None)


def life(customer: str = VICTIM) -> list[dict[str, Any]]:
    return [
        raw_event(customer=customer, minutes_ago=60 * 24 * 40),
        raw_event(customer=customer, kind="purchase.completed", minutes_ago=30),
        raw_event(customer=customer, minutes_ago=3, properties={"mail": f"{customer}@example.org"}),
    ]


@pytest.mark.parametrize("customer", [VICTIM, ODD, "Zoë Ωμέγα 顧客 🙂"])
def test_nothing_of_an_erased_customer_is_left_and_the_receipt_says_so(
    desk: Desk, customer: str
) -> None:
    desk.platform.send(*life(customer), *life("stays"))
    assert desk.in_redis(customer) == [
        "events:{acme}",
        "live:{acme}:0:first_seen",
    ]
    assert len(desk.in_files(customer)) == 1
    receipt = desk.erase(customer)
    assert receipt.state == "erased"
    assert receipt.found == {
        "history": 0,
        "stream": 0,
        "dead_letters": 0,
        "first_seen": 0,
        "caches": 0,
        "old_files": 3,  # rows, in the file that the deletion has replaced
    }
    counts = {step.name: step.count for step in receipt.steps}
    assert counts == {
        "history": 3,
        "live_counters": None,
        "older_counters": counts["older_counters"],
        "stream": 3,
        "dead_letters": 0,
        "caches": 0,
        "append_log": None,
    }
    assert next(step.note for step in receipt.steps if step.name == "append_log") is None
    assert desk.customers() == {"stays": 3}
    assert desk.in_redis(customer) == []
    assert desk.in_files(customer) == []
    assert customer not in receipt.model_dump_json()
    assert desk.finished == [(receipt.id, "erased")]


def test_the_append_only_file_of_the_server_holds_nothing_of_the_customer(
    desk: Desk, redis_server: Any
) -> None:
    desk.platform.send(*life())
    folder = Path(desk.platform.client.config_get("dir")["dir"])
    files = list(folder.rglob("*.aof"))
    assert any(VICTIM.encode() in file.read_bytes() for file in files)
    desk.erase()
    files = list(folder.rglob("*.aof"))
    assert [file.name for file in files if VICTIM.encode() in file.read_bytes()] == []


def test_everybody_elses_figures_are_what_they_were(desk: Desk) -> None:
    platform = desk.platform
    platform.send(*life("stays"))
    alone = _figures(platform)
    platform.send(*life())
    assert _figures(platform) != alone
    desk.erase()
    assert _figures(platform) == alone


def _figures(platform: Platform) -> list[dict[str, Any]]:
    """From the live counters, and from the history."""
    live = platform.services.insights.fetch(
        platform.principal(), "kpis", KpisQuery.model_validate({"period": {"last": "24h"}})
    ).result
    assert live is not None
    read = [
        run(
            slug,
            query,
            tenant=tenant(),
            history_root=platform.history_root,
            generation=0,
            now=platform.clock(),
        )
        for slug, query in (("kpis", KpisQuery()), ("rfm", RfmQuery()))
    ]
    return [one.data.model_dump(mode="json") for one in (live, *read)]


def test_another_tenants_customer_of_the_same_id_stays(desk: Desk) -> None:
    desk.platform.add_tenant("other")
    desk.platform.send(*life())
    desk.platform.send(*life(), name="other")
    erasure = desk.erase()
    assert desk.customers("other") == {VICTIM: 3}
    assert desk.work("other")
    assert desk.customers("other") == {VICTIM: 3}
    theirs = desk.request(VICTIM, "other")
    assert theirs.customer != erasure.customer
    with pytest.raises(NotFoundError):
        desk.receipt(erasure, "other")


def test_a_later_repeat_is_refused_and_new_events_are_taken(desk: Desk) -> None:
    platform = desk.platform
    assert isinstance(platform.clock, Clock)
    old, *_ = events = life()
    platform.send(*events)
    desk.erase()
    platform.clock.move(minutes=5)
    repeat = {**old, "event_id": "another id"}
    new = raw_event(customer=VICTIM, minutes_ago=-4)
    answer = platform.services.ingestion.accept(ACME, [repeat, new])
    assert answer.accepted == 1
    assert [(one.index, one.code) for one in answer.rejected] == [(0, "erased")]
    platform.send()
    assert desk.customers() == {VICTIM: 1}


def test_what_is_in_the_stream_already_is_dropped_by_both_groups(desk: Desk) -> None:
    platform = desk.platform
    consumer = platform.consumer()
    platform.services.ingestion.accept(ACME, life())
    platform.services.ingestion.accept(ACME, life("stays"))
    desk.request()
    while consumer.live_step() or consumer.history_step():
        pass
    assert desk.customers() == {"stays": 3}
    generation = int(platform.client.get(keys.live_generation(ACME)) or 0)
    assert platform.client.hkeys(keys.first_seen(ACME, generation)) == [b"stays"]


def test_events_that_stream_in_during_the_erasure_do_not_stay(desk: Desk) -> None:
    platform = desk.platform
    platform.send(*life(), *life("stays"))
    erasure = desk.request()
    stop = threading.Event()
    accepted: list[int] = []
    done: list[int] = []

    def sends() -> None:
        while not stop.is_set():
            events = [raw_event(customer=VICTIM, minutes_ago=1), raw_event(customer="stays")]
            accepted.append(platform.services.ingestion.accept(ACME, events).accepted)

    def consumes() -> None:
        consumer = platform.consumer()
        while not stop.is_set():
            with suppress(CommitFailedError):  # the deletion came in between: as a process does
                done.append(consumer.live_step() + consumer.history_step())

    threads = [threading.Thread(target=sends), threading.Thread(target=consumes)]
    lease = platform.client.set(keys.ingest_lease(ACME), "the consumer above", px=60_000)
    assert lease
    for thread in threads:
        thread.start()
    try:
        assert desk.work()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    platform.client.delete(keys.ingest_lease(ACME))
    platform.send()
    assert set(accepted) == {1}
    assert desk.receipt(erasure).state == "erased"
    assert desk.customers() == {"stays": 3 + len(accepted)}
    assert desk.in_redis(VICTIM) == []


def test_what_a_consumer_had_in_hand_already_is_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked at the tombstones before there was one, and commits after it."""
    platform = desk.platform
    consumer = platform.consumer()
    platform.client.set(keys.ingest_lease(ACME), "the consumer above", px=60_000)
    platform.services.ingestion.accept(ACME, [*life(), *life("stays")])
    holds, go = threading.Event(), threading.Event()
    append, position = HistoryTable.append_stream, HistoryTable.stream_position

    def slow(self: HistoryTable, *arguments: Any) -> bool:
        holds.set()
        assert go.wait(30)
        return append(self, *arguments)

    def asked(self: HistoryTable) -> int:
        found = position(self)
        go.set()  # whoever asks waits for it
        return found

    monkeypatch.setattr(HistoryTable, "append_stream", slow)
    thread = threading.Thread(target=consumer.history_step)
    thread.start()
    assert holds.wait(30)
    desk.request()
    monkeypatch.setattr(HistoryTable, "stream_position", asked)
    assert desk.work()
    thread.join()
    assert desk.customers() == {"stays": 3}


def test_an_event_from_a_clock_that_is_ahead_goes_too_and_cannot_be_repeated(desk: Desk) -> None:
    platform = desk.platform
    ahead = raw_event(customer=VICTIM, minutes_ago=-120)
    platform.send(*life(), ahead)
    receipt = desk.erase()
    assert desk.customers() == {}
    assert receipt.until == NOW + timedelta(hours=2)
    answer = platform.services.ingestion.accept(ACME, [{**ahead, "event_id": "again"}])
    assert [one.code for one in answer.rejected] == ["erased"]


def test_dead_letters_of_the_customer_go_and_others_stay(desk: Desk) -> None:
    platform = desk.platform
    bad = {"customer_id": VICTIM, "type": "purchase.completed", "occurred_at": "yesterday"}
    other = {**bad, "customer_id": "stays"}
    platform.services.ingestion.accept(
        ACME, [{**bad, "event_id": "b1"}, {**other, "event_id": "b2"}]
    )
    platform.client.xadd(keys.events(ACME), {"e": f'["e9","{VICTIM}",'})
    platform.client.xadd(keys.events(ACME), {"e": '["e9","stays",'})
    platform.send(*life())
    before = [letter.payload for letter in DeadLetters(platform.client, ACME).all()]
    platform_now = platform.clock()
    assert platform_now == NOW
    desk.platform.clock = _later_than_the_server()
    desk.platform.services = Platform(
        platform.redis_url, platform.history_root, desk.platform.clock
    ).services
    receipt = desk.erase()
    assert receipt.found["dead_letters"] == 0
    left = [letter.payload for letter in DeadLetters(platform.client, ACME).all()]
    assert left == [one for one in before if VICTIM.encode() not in one]
    assert any(b"stays" in one for one in left)
    assert desk.in_redis(VICTIM) == []


def _later_than_the_server() -> Clock:
    """Letters and unreadable entries have their time from the server."""
    return Clock(datetime.now(UTC) + timedelta(minutes=1))


def test_cached_and_published_results_are_recomputed(desk: Desk) -> None:
    platform = desk.platform
    platform.send(*life())
    store = ResultStore(platform.client, ACME)
    store.publish("rfm", "some-digest", VICTIM.encode())
    published = f"customer_segments:{{{ACME}}}"
    platform.client.set(published, VICTIM)
    platform.client.set("customer_segments:{acme_more}", "another's")
    receipt = desk.erase()
    assert {step.name: step.count for step in receipt.steps}["caches"] == 2
    assert desk.in_redis(VICTIM) == []
    assert platform.client.exists("customer_segments:{acme_more}") == 1


@pytest.mark.parametrize(
    "point",
    ["erase.before_delete", "erase.after_delete", "erase.after_rebuild", "erase.before_receipt"],
)
def test_a_job_that_died_half_way_is_resumed(desk: Desk, tmp_path: Path, point: str) -> None:
    desk.platform.send(*life(), *life("stays"))
    erasure = desk.request()
    with armed(tmp_path / "points", point), pytest.raises(UnavailableError):
        desk.work()
    assert desk.receipt(erasure).state == "requested"
    assert desk.work()
    receipt = desk.receipt(erasure)
    assert receipt.state == "erased"
    assert {step.name: step.count for step in receipt.steps}["history"] == 3
    assert desk.customers() == {"stays": 3}
    assert desk.in_redis(VICTIM) == []


def test_a_request_whose_answer_was_lost_holds(desk: Desk, tmp_path: Path) -> None:
    desk.platform.send(*life())
    with armed(tmp_path / "points", "erase.after_tombstone"), pytest.raises(UnavailableError):
        desk.request()
    assert desk.work()
    assert desk.customers() == {}


def test_several_requests_are_one_pass_and_two_workers_take_turns(desk: Desk) -> None:
    desk.platform.send(*life("a"), *life("b"), *life("stays"))
    first, second = desk.request("a"), desk.request("b")
    table = HistoryTable(desk.platform.history_root, ACME)
    version = table.version()
    desk.platform.client.set(keys.erasure_lease(ACME), "another worker")
    assert not desk.work()
    desk.platform.client.delete(keys.erasure_lease(ACME))
    assert desk.work()
    assert table.version() == version + 1
    assert {desk.receipt(first).state, desk.receipt(second).state} == {"erased"}
    assert desk.customers() == {"stays": 3}
    assert desk.platform.client.exists(keys.erasure_lease(ACME)) == 0


def test_old_files_go_when_the_tables_retention_allows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = desk.platform
    assert isinstance(platform.clock, Clock)
    platform.send(*life(), *life("stays"))
    two_hours_ago = time.time_ns() - 7_200 * 10**9
    monkeypatch.setattr("cip.history.replacing.time.time_ns", lambda: two_hours_ago)
    erasure = desk.erase()
    assert desk.work()
    assert desk.receipt(erasure).state == "erased"
    platform.clock.move(minutes=61)
    assert desk.work()
    receipt = desk.receipt(erasure)
    assert receipt.state == "completed"
    assert receipt.old_files_removed_at == NOW + timedelta(minutes=61)
    assert receipt.found["old_files"] == 0
    folder = HistoryTable(platform.history_root, ACME).folder
    assert [f.name for f in folder.rglob("*") if f.is_file() and _file_holds(f, VICTIM)] == []
    assert desk.finished == [(erasure.id, "erased"), (erasure.id, "completed")]
    assert desk.platform.services.erasure.all(platform.principal())[0] == receipt


def test_the_retention_of_old_files_is_never_cut_short(desk: Desk) -> None:
    platform = desk.platform
    assert isinstance(platform.clock, Clock)
    platform.send(*life(), *life("stays"))
    erasure = desk.erase()
    platform.clock.move(minutes=61)  # of the platform, not of the table's
    assert desk.work()
    receipt = desk.receipt(erasure)
    assert (receipt.state, receipt.old_files_removed_at) == ("erased", None)


def test_whoever_was_erased_is_erased_again_after_a_restore(desk: Desk, tmp_path: Path) -> None:
    platform = desk.platform
    platform.send(*life(), *life("stays"))
    folder = HistoryTable(platform.history_root, ACME).folder
    history = tmp_path / "backup"
    shutil.copytree(folder, history)
    dumped = {name: platform.client.dump(name) for name in platform.client.scan_iter("*{acme}*")}
    erasure = desk.erase()
    _restore(platform, folder, history, dumped)
    assert desk.customers() == {VICTIM: 3, "stays": 3}
    assert not Tombstones(platform.client, ACME).current()
    assert restore_tombstones(desk.place()) == 1
    platform.services.erasure.reapply(platform.principal())
    assert desk.work()
    assert desk.customers() == {"stays": 3}
    assert desk.in_redis(VICTIM) == []
    assert desk.in_files(VICTIM) == []
    assert desk.receipt(erasure).state == "erased"
    answer = platform.services.ingestion.accept(ACME, life())
    assert {one.code for one in answer.rejected} == {"erased"}


def test_a_customer_erased_between_the_restore_and_its_end_counts_too(
    desk: Desk, tmp_path: Path
) -> None:
    """The tenant has two keys then."""
    platform = desk.platform
    platform.send(*life("a"), *life("b"), *life("stays"))
    folder = HistoryTable(platform.history_root, ACME).folder
    history = tmp_path / "backup"
    shutil.copytree(folder, history)
    dumped = {name: platform.client.dump(name) for name in platform.client.scan_iter("*{acme}*")}
    desk.erase("a")
    _restore(platform, folder, history, dumped)
    desk.request("b")
    assert restore_tombstones(desk.place()) == 2
    assert restore_tombstones(desk.place()) == 2
    assert desk.work()
    assert desk.customers() == {"stays": 3}


def _restore(platform: Platform, folder: Path, history: Path, dumped: dict[bytes, bytes]) -> None:
    """Redis and history as they were, and the journal that lies beside the history."""
    journal = (folder / "tombstones.jsonl").read_bytes()
    shutil.rmtree(folder)
    shutil.copytree(history, folder)
    (folder / "tombstones.jsonl").write_bytes(journal)
    for name in platform.client.scan_iter("*{acme}*"):
        platform.client.delete(name)
    for name, value in dumped.items():
        platform.client.restore(name, 0, value)


def test_only_who_may_erase_may_ask_and_the_log_names_nobody(desk: Desk) -> None:
    services, platform = desk.platform.services, desk.platform
    for role in (Role.VIEWER, Role.ANALYST):
        with pytest.raises(ForbiddenError):
            services.erasure.request(platform.principal(role=role), VICTIM)
        with pytest.raises(ForbiddenError):
            services.erasure.receipt(platform.principal(role=role), "x")
    assert not Tombstones(platform.client, ACME).current()
    for customer in ("", "x" * 257, "a\nb"):
        with pytest.raises(InvalidInputError):
            desk.request(customer)
    erasure = desk.request()
    (entry,) = services.audit.page(ACME)
    assert entry.event.action == "customer.erase_requested"
    assert entry.event.target == f"#{erasure.customer}"
    assert entry.event.after == {"erasure": erasure.id}
    assert VICTIM not in entry.event.canonical()
    services.erasure.concluded(ACME, erasure.model_copy(update={"state": "erased"}))
    assert services.audit.page(ACME)[0].event.action == "customer.erased"


def test_an_erasure_is_started_and_started_again_when_its_job_was_lost(desk: Desk) -> None:
    from cip.jobs.tasks import start_erasures

    platform = desk.platform
    assert isinstance(platform.clock, Clock)
    queue = "jobs:heavy"
    erasure = desk.request()
    assert _started(platform, queue) == [["acme"]]
    platform.client.delete(queue)
    assert start_erasures(platform.services) == 1
    assert _started(platform, queue) == [["acme"]]
    desk.work()
    assert desk.receipt(erasure).state == "erased"
    assert start_erasures(platform.services) == 0
    platform.clock.move(minutes=61)
    assert start_erasures(platform.services) == 1


def _started(platform: Platform, queue: str) -> list[Any]:
    from base64 import b64decode

    jobs = [json.loads(text) for text in platform.client.lrange(queue, 0, -1)]
    assert {job["headers"]["task"] for job in jobs} == {"cip.erase_customers"}
    return [json.loads(b64decode(job["body"]))[0] for job in jobs]


def test_the_page_about_it_names_every_step_and_every_store(desk: Desk, project: Path) -> None:
    desk.platform.send(*life())
    receipt = desk.erase()
    text = (project / "docs" / "erasure.md").read_text(encoding="utf-8")
    names = {step.name for step in receipt.steps} | set(receipt.found)
    assert {name for name in names if f"`{name}`" not in text} == set()
    fields = {"until", "caches_until", "old_files_until", "old_files_removed_at", "customer"}
    assert fields <= set(Erasure.model_fields)
    assert {name for name in fields if f"`{name}`" not in text} == set()
