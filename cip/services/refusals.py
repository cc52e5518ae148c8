"""Puts on record what was refused to people who have not shown who they are."""

from __future__ import annotations

import hashlib
from typing import Final

from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.once_per import OncePer

_FLOOD_SECONDS: Final = 60.0


class Refusals:
    """In the log of the tenant that the named user belongs to, else in the platform's: there by a
    keyed hash, since what is no user's name may be somebody's password.

    The subject is a user only where it is one's own name that was refused: what an outsider typed
    never stands for who did it."""

    def __init__(self, accounts: AccountService, audit: AuditService, name_key: bytes) -> None:
        self._accounts = accounts
        self._audit = audit
        self._name_key = name_key
        self._floods = OncePer(_FLOOD_SECONDS)

    def record(self, action: str, username: str, reason: str) -> None:
        user = self._accounts.users.find(username) if username.isascii() and username else None
        text = username.encode(errors="replace")
        hashed = hashlib.blake2b(text, key=self._name_key, digest_size=8).hexdigest()
        self._audit.record(
            user.home if user else None,
            "unknown",
            action,
            user.username if user else f"#{hashed}",
            outcome="refused",
            after={"reason": reason},
        )

    def record_flood(self, action: str, username: str, reason: str, address: str) -> None:
        """One a minute and address: the tries that came before are on record, and an append-only
        log must not grow as fast as anybody likes."""
        if self._floods.first((action, address)):
            self.record(action, username, reason)
