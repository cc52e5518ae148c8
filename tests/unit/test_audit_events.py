"""Audit events, and the keys that sign them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from cip.auth.keyring import KeyRing
from cip.domain.audit import MAX_FIELDS, AuditEvent
from tests.audit_logs import event


def test_a_text_is_cut_and_escaped_and_never_refused() -> None:
    long = event(
        subject="e\r\nve" + "x" * 1_000_000,
        target="a\u202eb\ud800",
        address="y" * 500,
        after={"k\n" * 200: "z" * 999, **{f"f{n}": n for n in range(100)}},
    )
    assert long.subject.startswith("e\\r\\nvexxx")
    assert len(long.subject) == 256
    assert long.subject.endswith("x…")
    assert long.target == "a\\u202eb\\ud800"
    assert len(long.address) == 64
    assert len(long.after or {}) == MAX_FIELDS
    assert "\n" not in long.canonical()
    assert AuditEvent.model_validate_json(long.canonical()) == long


def test_an_instant_is_kept_in_utc() -> None:
    east = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    assert event(at=east).at == datetime(2026, 1, 1, tzinfo=UTC)
    assert '"at":"2026-01-01T00:00:00Z"' in event(at=east).canonical()


@pytest.mark.parametrize(
    "changes",
    [
        {"at": datetime(2026, 1, 1)},  # noqa: DTZ001 - without a zone, on purpose
        {"action": "invited"},
        {"action": "User.Invited"},
        {"source": "elsewhere"},
        {"outcome": "perhaps"},
        {"after": {"list": [1]}},
        {"after": {"x": float("nan")}},
        {"tenant": "acme"},
    ],
)
def test_what_the_platform_itself_gets_wrong_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        event(**changes)


def test_keys_differ_by_purpose_and_secret_and_are_not_shown() -> None:
    ring = KeyRing("one", "two")
    (key_id, audit_key), (same_id, other_key) = ring.signing("audit"), ring.signing("cursor")
    assert key_id == same_id
    assert len(key_id) == 12
    assert len(audit_key) == len(other_key) == 32
    assert audit_key != other_key
    old_id, old_key = KeyRing("two").signing("audit")
    assert ring.verifying("audit") == {key_id: audit_key, old_id: old_key}
    assert KeyRing("one").verifying("audit") == {key_id: audit_key}
    assert "one" not in repr(ring)
    assert "two" not in repr(ring)
