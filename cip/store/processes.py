"""Which processes of a kind live: each says so again and again, and is forgotten otherwise."""

from __future__ import annotations

from typing import Any, Final

from cip.store import keys
from cip.store.client import Redis
from cip.store.scripts import script

# Shorter than a lease: who takes over a dead process's tenants must not count it any more.
LIFE_MS: Final = 5_000


class Processes:
    """Raises redis-py's errors. By the server's clock, so that machines need not agree."""

    def __init__(self, client: Redis, kind: str) -> None:
        self._client = client
        self._key = keys.processes(kind)

    def beat(self, process: str, life_ms: int = LIFE_MS) -> int:
        """Says that `process` lives; how many do."""
        return int(script(self._client, "beat")(keys=[self._key], args=[process, life_ms]))

    def leave(self, process: str) -> None:
        """Says that `process` ends, so that the others need not wait to find out."""
        self._client.zrem(self._key, process)

    def count(self) -> int:
        """How many said within their life that they live."""
        seconds, microseconds = self._client.time()
        since = int(seconds) * 1000 + int(microseconds) // 1000 - LIFE_MS
        counted: Any = self._client.zcount(self._key, since, "+inf")
        return int(counted)
