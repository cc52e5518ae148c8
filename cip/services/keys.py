"""The API keys of a tenant, as its administrators manage them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cip.auth import api_keys
from cip.auth.policy import KEY_SCOPES
from cip.domain.errors import InvalidInputError, NotFoundError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.users import ApiKey
from cip.services.accounts import AccountService
from cip.services.audit import AuditService


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed: nothing of its secret. `last_used_at`: to the minute, None: never."""

    key_id: str
    label: str
    scopes: tuple[Permission, ...]
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked: bool


class KeyService:
    """Works within the principal's tenant: another tenant's key does not exist here."""

    def __init__(
        self, accounts: AccountService, audit: AuditService, clock: Callable[[], datetime]
    ) -> None:
        self._users = accounts.users
        self._audit = audit
        self._clock = clock

    def all(self, who: Principal) -> list[KeyRow]:
        """Oldest first."""
        who.require(Permission.KEYS_MANAGE)
        keys = [key for key in self._users.all_keys() if key.tenant == who.tenant]
        used = self._users.keys_used([key.key_id for key in keys])
        return [
            KeyRow(
                key_id=key.key_id,
                label=key.label,
                scopes=tuple(sorted(key.permissions)),
                created_at=key.created_at,
                created_by=key.created_by,
                last_used_at=used.get(key.key_id),
                revoked=key.revoked,
            )
            for key in keys
        ]

    def create(
        self, who: Principal, label: str, scopes: frozenset[Permission]
    ) -> tuple[ApiKey, str]:
        """The key's record and its text, which is shown once and not kept."""
        who.require(Permission.KEYS_MANAGE)
        if not scopes:
            raise InvalidInputError("A key needs a scope at least.", field="scopes")
        if outside := scopes - (KEY_SCOPES & who.permissions):
            raise InvalidInputError(
                f"A key cannot have {', '.join(sorted(outside))}.", field="scopes"
            )
        key_id, text, digest = api_keys.new_key()
        key = ApiKey(
            key_id=key_id,
            digest=digest,
            tenant=who.tenant,
            label=_checked_label(label),
            permissions=scopes,
            created_at=self._clock(),
            created_by=who.subject,
        )
        after = {"label": key.label, "scopes": ", ".join(sorted(scopes))}
        with self._audit.recorded(who.tenant, who.subject, "key.created", key_id, after=after):
            self._users.add_key(key)
        return key, text

    def revoke(self, who: Principal, key_id: str) -> None:
        """For good; every worker refuses it within a second."""
        who.require(Permission.KEYS_MANAGE)
        key = self._users.find_key(key_id)
        if key is None or key.tenant != who.tenant:
            raise NotFoundError("There is no such key.", field="key_id")
        if key.revoked:
            return
        before = {"label": key.label}
        with self._audit.recorded(who.tenant, who.subject, "key.revoked", key_id, before=before):
            self._users.revoke_key(key_id)


def _checked_label(label: str) -> str:
    label = " ".join(label.split())
    if not (1 <= len(label) <= 120 and label.isprintable()):
        raise InvalidInputError("A label is 1 to 120 characters.", field="label")
    return label
