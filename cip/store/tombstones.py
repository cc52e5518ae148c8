"""The tombstones of a tenant's erased customers: what no writer takes any more."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from cip.domain.erasure import KEY_BYTES, Erased, Ring, digest
from cip.domain.tenants import TenantId
from cip.store import keys
from cip.store.client import Redis
from cip.store.scripts import script

__all__ = ["Erased", "Tombstones"]

_FIRST_KEY: Final = "0"
_BATCH: Final = 1_000


class Tombstones:
    """A tombstone is named `key id:digest`. Its key is random and the tenant's own, so that it
    outlives an exchange of the platform's secret; there are several keys only where a restore has
    lost the first one. Raises redis-py's errors: callers decide."""

    def __init__(self, client: Redis, tenant: TenantId) -> None:
        self._client = client
        self.tenant = tenant
        self._known = Erased()

    def current(self) -> Erased:
        """What holds now. One small command, unless a tombstone has been written since the last
        call."""
        version = int(self._client.get(keys.tombstones_version(self.tenant)) or 0)
        if version != self._known.version:
            self._known = self._read()
        return self._known

    def name_of(self, customer_id: str) -> str:
        """What the customer's tombstone is called. Makes the tenant's key if it has none."""
        key_name = keys.tombstone_keys(self.tenant)
        made = secrets.token_bytes(KEY_BYTES).hex()
        self._client.hsetnx(key_name, _FIRST_KEY, made)
        key: Any = self._client.hget(key_name, _FIRST_KEY)
        return f"{_FIRST_KEY}:{digest(bytes.fromhex(key.decode()), customer_id).hex()}"

    def write(self, until: Mapping[str, int], *, record: tuple[str, str] = ("", "")) -> int:
        """Puts the tombstones (name → instant) into force, together with an erasure's record (id,
        text); how many are new or later than they were."""
        items = list(until.items())
        grown = 0
        for start in range(0, max(len(items), 1), _BATCH):
            pairs = [part for item in items[start : start + _BATCH] for part in item]
            answer: Any = script(self._client, "tombstones")(
                keys=[
                    keys.tombstones(self.tenant),
                    keys.tombstones_version(self.tenant),
                    keys.erasures(self.tenant),
                    keys.erasures_open(self.tenant),
                ],
                args=[*record, *pairs],
            )
            grown += int(answer[1])
        return grown

    def add_keys(self, found: Mapping[str, str]) -> dict[str, str]:
        """Takes keys (id → hex) from elsewhere; answers under which id each is kept here."""
        mine = self.keys()
        kept: dict[str, str] = {}
        for key_id, text in found.items():
            same = next((one for one, known in mine.items() if known == text), None)
            chosen = same or (key_id if key_id not in mine else _other_id(text))
            mine[chosen] = text
            self._client.hsetnx(keys.tombstone_keys(self.tenant), chosen, text)
            kept[key_id] = chosen
        return kept

    def keys(self) -> dict[str, str]:
        """The keys in hex, by id."""
        found: Any = self._client.hgetall(keys.tombstone_keys(self.tenant))
        return {name.decode(): text.decode() for name, text in found.items()}

    def all(self) -> dict[str, int]:
        """Name → instant."""
        found: Any = self._client.hgetall(keys.tombstones(self.tenant))
        return {name.decode(): int(text) for name, text in found.items()}

    def _read(self) -> Erased:
        answer: Any = script(self._client, "read_tombstones")(
            keys=[
                keys.tombstone_keys(self.tenant),
                keys.tombstones(self.tenant),
                keys.tombstones_version(self.tenant),
            ]
        )
        version, found_keys, found = int(answer[0]), _pairs(answer[1]), _pairs(answer[2])
        rings: dict[str, dict[bytes, int]] = {}
        for name, until in found.items():
            key_id, _, hexed = name.partition(":")
            rings.setdefault(key_id, {})[bytes.fromhex(hexed)] = int(until)
        return Erased(
            version,
            tuple(Ring(bytes.fromhex(found_keys[one]), ring) for one, ring in rings.items()),
        )


def _other_id(key: str) -> str:
    """Names a key where the first one's name is taken by another."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _pairs(flat: list[bytes]) -> dict[str, str]:
    texts = [one.decode() for one in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))
