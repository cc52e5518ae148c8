"""Audit logs to write to, and to tamper with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cip.auth.keyring import KeyRing
from cip.domain.audit import AuditEvent
from cip.store import keys
from cip.store.audit import AuditStore
from cip.store.client import connect, connect_for_writes
from tests.factories import NOW, tenant

ACME = tenant().id
OTHER = tenant("other").id
SECRET = "the secret of these tests, long enough"
RING = KeyRing(SECRET)
STREAM, HEAD = keys.audit(ACME), keys.audit_head(ACME)


def event(number: int = 0, **changes: Any) -> AuditEvent:
    values = {
        "at": NOW + timedelta(seconds=number),
        "source": "web",
        "subject": "alice",
        "action": "user.invited",
        "target": f"user:{number}",
        "address": "192.0.2.7",
        "request_id": f"r-{number}",
    }
    return AuditEvent(**{**values, **changes})


def store(url: str) -> AuditStore:
    return AuditStore(connect(url, timeout_seconds=5), connect_for_writes(url, timeout_seconds=5))


def log_of_ten(url: str) -> AuditStore:
    """Acme's log with ten entries."""
    found = store(url)
    for number in range(1, 11):
        found.append(ACME, event(number), RING)
    return found
