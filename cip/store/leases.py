"""A lease: one holder at a time, with a token, that lapses when its holder dies."""

from __future__ import annotations

import secrets

from cip.store.client import Redis
from cip.store.scripts import script


class Lease:
    """`ms` is how long it lasts without being extended; a `token` handed on carries it on."""

    def __init__(self, client: Redis, key: str, ms: int, *, token: str | None = None) -> None:
        self._client = client
        self._key = key
        self._ms = ms
        self._extend = script(client, "extend_lease")
        self._release = script(client, "release_lease")
        self.token = token or secrets.token_hex(16)

    def acquire(self) -> bool:
        return bool(self._client.set(self._key, self.token, nx=True, px=self._ms))

    def extend(self) -> bool:
        """False when it lapsed and is (or may be) another's."""
        return bool(self._extend(keys=[self._key], args=[self.token, self._ms]))

    def release(self) -> None:
        self._release(keys=[self._key], args=[self.token])
