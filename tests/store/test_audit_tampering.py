"""What was tampered with in an audit log shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from cip.auth.keyring import KeyRing
from cip.domain.audit import Verification
from cip.domain.errors import (
    CorruptValueError,
)
from cip.store import keys
from cip.store.audit import AuditStore
from tests.audit_logs import ACME, HEAD, OTHER, RING, SECRET, STREAM, event, log_of_ten


@pytest.fixture
def client(redis_url: str) -> Any:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def audit(redis_url: str) -> AuditStore:
    return log_of_ten(redis_url)


def rebuilt(client: Any, change: Callable[[int, dict[bytes, bytes]], None]) -> list[bytes]:
    """Writes the stream anew under the same ids; the ids."""
    entries = client.xrange(STREAM)
    client.delete(STREAM)
    for number, (entry_id, fields) in enumerate(entries, start=1):
        change(number, fields)
        client.xadd(STREAM, fields, id=entry_id)
    return [entry_id for entry_id, _ in entries]


def test_a_log_that_was_rebuilt_unchanged_holds(audit: AuditStore, client: Any) -> None:
    rebuilt(client, lambda _number, _fields: None)
    assert audit.verify(ACME, RING) == Verification(10, audit.head(ACME).hash)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        (b"e", lambda body: body.replace(b"alice", b"mallo")),
        (b"e", lambda body: body + b" "),
        (b"e", lambda body: body + b"\xff"),
        (b"h", lambda _hash: b"0" * 64),
        (b"h", lambda _hash: b"\xff"),
        (b"n", lambda _number: b"05"),
        (b"n", lambda _number: b"-5"),
        (b"n", lambda _number: b""),
    ],
)
def test_an_edited_entry_shows(
    audit: AuditStore, client: Any, field: bytes, change: Callable[[bytes], bytes]
) -> None:
    def edit(number: int, fields: dict[bytes, bytes]) -> None:
        if number == 5:
            fields[field] = change(fields[field])

    ids = rebuilt(client, edit)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.at) == (4, ids[4].decode())
    assert found.problem in (
        "it was changed, or written without the key",
        "it is not in the form of the audit log",
    )


def test_two_entries_that_changed_places_show(audit: AuditStore, client: Any) -> None:
    entries = client.xrange(STREAM)
    bodies = [fields for _, fields in entries]
    ids = rebuilt(
        client,
        lambda number, fields: fields.update(bodies[{5: 5, 6: 4}.get(number, number - 1)]),
    )
    found = audit.verify(ACME, RING)
    assert (found.entries, found.at) == (4, ids[4].decode())
    assert found.problem == "entry 5 is missing before it"


def test_an_entry_taken_out_of_the_middle_shows(audit: AuditStore, client: Any) -> None:
    ids = [entry_id for entry_id, _ in client.xrange(STREAM)]
    client.xdel(STREAM, ids[4], ids[5])
    assert audit.verify(ACME, RING) == Verification(
        4, audit.page(ACME)[4].hash, "entries 5 to 6 are missing before it", ids[6].decode()
    )


def test_an_entry_taken_out_and_the_rest_renumbered_shows(audit: AuditStore, client: Any) -> None:
    ids = [entry_id for entry_id, _ in client.xrange(STREAM)]
    client.xdel(STREAM, ids[4])
    rebuilt(client, lambda number, fields: fields.update({b"n": str(number).encode()}))
    found = audit.verify(ACME, RING)
    assert (found.entries, found.at) == (4, ids[5].decode())


def test_an_entry_that_is_there_twice_shows(audit: AuditStore, client: Any) -> None:
    entries = client.xrange(STREAM)
    added = client.xadd(STREAM, entries[-1][1])
    found = audit.verify(ACME, RING)
    assert (found.problem, found.at) == (
        "it has the number 10 where 11 comes next",
        added.decode(),
    )


def test_a_beginning_that_was_cut_off_shows(audit: AuditStore, client: Any) -> None:
    client.xtrim(STREAM, maxlen=7, approximate=False)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.problem) == (0, "entries 1 to 3 are missing at the beginning")
    assert found.at == client.xrange(STREAM)[0][0].decode()


def test_an_end_that_was_cut_off_shows(audit: AuditStore, client: Any) -> None:
    client.xdel(STREAM, *(entry_id for entry_id, _ in client.xrevrange(STREAM, count=2)))
    found = audit.verify(ACME, RING)
    assert (found.entries, found.problem, found.at) == (
        8,
        "entries 9 to 10 are missing at the end",
        "head",
    )


def cut_with_its_head(client: Any, **head: Any) -> None:
    """The newest two entries go, and the head is put back with what stands in the log."""
    client.xdel(STREAM, *(entry_id for entry_id, _ in client.xrevrange(STREAM, count=2)))
    ((_, last),) = client.xrevrange(STREAM, count=1)
    client.hset(HEAD, mapping={"number": 8, "hash": last[b"h"], **head})


def test_an_end_that_was_cut_off_together_with_the_head_shows(
    audit: AuditStore, client: Any
) -> None:
    cut_with_its_head(client)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.problem, found.at) == (
        8,
        "it was changed: its seal does not hold",
        "head",
    )


@pytest.mark.parametrize("head", [{}, {"kid": "0123456789ab"}, {"seal": "ÿ"}])
def test_it_still_shows_after_more_was_written(
    audit: AuditStore, client: Any, head: dict[str, str]
) -> None:
    cut_with_its_head(client, **head)
    after = audit.append(ACME, event(9), RING)
    audit.append(ACME, event(10), RING)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.at) == (8, after.id)
    assert found.problem is not None
    assert "the head had been changed" in found.problem


def test_a_head_that_was_removed_shows_also_later(audit: AuditStore, client: Any) -> None:
    client.delete(HEAD)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.at) == (10, "head")
    assert found.problem == "it was changed: it says number 0, the log ends at 10"
    audit.append(ACME, event(11), RING)
    assert audit.verify(ACME, RING).problem == "it has the number 1 where 11 comes next"


@pytest.mark.parametrize(
    "change",
    [
        {"number": "9"},
        {"number": "12"},
        {"number": "many"},
        {"hash": "0" * 64},
        {"seal": ""},
        {"seal": "0" * 64},
        {"kid": ""},
        {"kid": "0123456789ab"},
    ],
)
def test_a_head_that_was_changed_shows(
    audit: AuditStore, client: Any, change: dict[str, str]
) -> None:
    client.hset(HEAD, mapping=change)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.at) == (10, "head")
    assert found.problem is not None


def test_a_log_that_was_emptied_shows(audit: AuditStore, client: Any) -> None:
    client.delete(STREAM)
    found = audit.verify(ACME, RING)
    assert (found.entries, found.problem) == (0, "entries 1 to 10 are missing at the end")


def test_something_else_under_the_logs_name_shows(audit: AuditStore, client: Any) -> None:
    client.set(STREAM, "not a stream")
    assert audit.verify(ACME, RING).problem == "it is not in the form of the audit log"


def test_another_tenants_log_put_in_this_ones_place_shows(audit: AuditStore, client: Any) -> None:
    for number in range(3):
        audit.append(OTHER, event(number), RING)
    client.delete(STREAM, HEAD)
    for entry_id, fields in client.xrange(keys.audit(OTHER)):
        client.xadd(STREAM, fields, id=entry_id)
    client.hset(HEAD, mapping=client.hgetall(keys.audit_head(OTHER)))
    assert audit.verify(OTHER, RING).problem is None
    assert audit.verify(ACME, RING).entries == 0
    assert audit.verify(ACME, RING).problem == "it was changed, or written without the key"


def test_a_page_with_an_entry_that_cannot_be_read_names_it(audit: AuditStore, client: Any) -> None:
    added = client.xadd(STREAM, {"n": "11", "k": "", "h": "", "e": "{}"})
    with pytest.raises(CorruptValueError) as refused:
        audit.page(ACME)
    assert refused.value.field == added.decode()


def test_another_secret_is_said_to_be_unknown(audit: AuditStore) -> None:
    found = audit.verify(ACME, KeyRing("another secret, of some length too"))
    key_id, _ = RING.signing("audit")
    assert found.problem == f"signed with the key '{key_id}', which is not known"
    assert found.entries == 0


def test_a_secret_may_be_replaced(audit: AuditStore) -> None:
    second = KeyRing("the second secret, of some length", SECRET)
    audit.append(ACME, event(11), second)
    assert audit.verify(ACME, second) == Verification(11, audit.head(ACME).hash)


def test_an_edit_shows_behind_entries_of_a_forgotten_key(audit: AuditStore, client: Any) -> None:
    second = KeyRing("the second secret, of some length", SECRET)
    third = KeyRing("the third secret, of some length", second.current)
    after = audit.append(ACME, event(11), second)
    audit.append(ACME, event(12), third)
    forgotten = audit.verify(ACME, third)
    assert forgotten.problem is not None
    assert "is not known" in forgotten.problem

    def edit(number: int, fields: dict[bytes, bytes]) -> None:
        if number == 11:
            fields[b"e"] = fields[b"e"].replace(b"alice", b"mallo")

    rebuilt(client, edit)
    found = audit.verify(ACME, third)
    assert (found.entries, found.at) == (10, after.id)
    assert found.problem == "it was changed, or written without the key"
