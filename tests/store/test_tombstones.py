"""Tombstones: what they cover, that they only grow, and what a reader is spared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cip.domain.erasure import Erased, Ring, digest
from cip.domain.tenants import tenant_id
from cip.history.tombstone_journal import Kept, TombstoneJournal
from cip.store import keys
from cip.store.client import connect_for_writes
from cip.store.tombstones import Tombstones

ACME, OTHER = tenant_id("acme"), tenant_id("other")


@pytest.fixture
def client(redis_url: str) -> Any:
    return connect_for_writes(redis_url, timeout_seconds=5)


@pytest.fixture
def stones(client: Any) -> Tombstones:
    return Tombstones(client, ACME)


def test_without_a_tombstone_nothing_is_covered(stones: Tombstones) -> None:
    erased = stones.current()
    assert not erased
    assert erased.version == 0
    assert not erased.covers("c1", 0)


@pytest.mark.parametrize("customer", ["c1", """O'Brien\\ "x" %_""", "Zoë 顧客"])
def test_a_tombstone_covers_one_customer_up_to_its_instant(
    stones: Tombstones, customer: str
) -> None:
    stones.write({stones.name_of(customer): 1_000})
    erased = stones.current()
    assert erased
    assert [erased.covers(customer, at) for at in (-5, 1_000, 1_001)] == [True, True, False]
    assert not erased.covers(f"{customer}x", 1_000)


def test_an_instant_only_grows_and_the_version_with_it(stones: Tombstones, client: Any) -> None:
    name = stones.name_of("c1")
    assert stones.write({name: 1_000}) == 1
    assert stones.write({name: 900}) == 0
    assert stones.write({name: 1_000}) == 0
    assert stones.current().version == 1
    assert stones.write({name: 2_000}) == 1
    erased = stones.current()
    assert (erased.version, erased.until("c1")) == (2, 2_000)
    assert int(client.get(keys.tombstones_version(ACME))) == 2


def test_the_tombstones_are_read_again_only_when_there_is_another(
    stones: Tombstones, client: Any
) -> None:
    stones.write({stones.name_of("c1"): 1_000})
    known = stones.current()
    assert stones.current() is known
    Tombstones(client, ACME).write({stones.name_of("c2"): 1_000})
    assert stones.current().covers("c2", 1_000)


def test_tombstones_and_record_of_an_erasure_are_one_script(
    stones: Tombstones, client: Any
) -> None:
    many = {f"0:{number:032x}": 1 for number in range(1_001)}
    assert stones.write(many, record=("id1", "text")) == 1_001
    assert client.hgetall(keys.erasures(ACME)) == {b"id1": b"text"}
    assert client.smembers(keys.erasures_open(ACME)) == {b"id1"}
    assert len(stones.all()) == 1_001


def test_two_tenants_have_two_keys_and_no_id_is_stored(stones: Tombstones, client: Any) -> None:
    theirs = Tombstones(client, OTHER)
    assert stones.name_of("c1") != theirs.name_of("c1")
    assert stones.name_of("c1") == Tombstones(client, ACME).name_of("c1")
    stones.write({stones.name_of("c1"): 1_000})
    assert not theirs.current()
    (name,) = stones.all()
    assert name.startswith("0:")
    assert len(name) == 2 + 32


def test_keys_from_elsewhere_are_kept_under_a_name_that_is_free(stones: Tombstones) -> None:
    stones.name_of("c1")
    (mine,) = stones.keys().values()
    theirs = "ab" * 32
    assert stones.add_keys({"0": mine}) == {"0": "0"}
    renamed = stones.add_keys({"0": theirs})["0"]
    assert renamed != "0"
    assert not theirs.startswith(renamed)
    assert stones.add_keys({"0": theirs}) == {"0": renamed}
    assert stones.keys() == {"0": mine, renamed: theirs}
    stones.write({f"{renamed}:{digest(bytes.fromhex(theirs), 'c9').hex()}": 5})
    assert stones.current().covers("c9", 5)


def test_what_is_newer_than_every_tombstone_costs_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    key = b"k" * 32
    erased = Erased(1, (Ring(key, {digest(key, "c1"): 1_000}),))
    hashed: list[str] = []

    def watched(_: bytes, who: str) -> bytes:
        hashed.append(who)
        return b""

    monkeypatch.setattr("cip.domain.erasure.digest", watched)
    assert not erased.covers("c2", 1_001)
    assert hashed == []
    assert not erased.covers("c2", 1_000)
    assert hashed == ["c2"]


def test_the_journal_keeps_the_latest_instant_and_survives_a_torn_line(tmp_path: Path) -> None:
    journal = TombstoneJournal(tmp_path / "acme")
    assert journal.read() == Kept()
    journal.add(Kept({"0": "aa"}, {"0:11": 5, "0:22": 7}, {"id1": "first"}))
    file = tmp_path / "acme" / "tombstones.jsonl"
    size = file.stat().st_size
    journal.add(Kept({"0": "aa"}, {"0:11": 5, "0:22": 6}, {"id1": "first"}))
    assert file.stat().st_size == size
    with file.open("a") as torn:
        torn.write('{"until": {"0:33": 9')
    journal.add(Kept({}, {"0:11": 8}, {"id1": "second"}))
    assert journal.read() == Kept({"0": "aa"}, {"0:11": 8, "0:22": 7}, {"id1": "second"})
