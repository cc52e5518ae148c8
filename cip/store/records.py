"""Records in a Redis hash that several people may change at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from cip.domain.errors import ConflictError
from cip.store import keys
from cip.store.client import Redis, required
from cip.store.revocations import KEPT_MS, Revocation
from cip.store.scripts import script

T = TypeVar("T")
_TRIES: Final = 20


def change(
    client: Redis,
    name: str,
    field: str,
    update: Callable[[bytes], tuple[str, Revocation | None, T]],
) -> T | None:
    """Compare and set: `update` gets the text as it is and returns the new one, the revocation
    that goes with it in the same instant, and what to return; None where there is no record.

    `update` may run several times. Raises `ConflictError` when others change it all the time,
    `UnavailableError` when Redis is away."""
    for _ in range(_TRIES):
        with required():
            old: Any = client.hget(name, field)
        if old is None:
            return None
        new, revocation, answer = update(old)
        args: list[str | bytes | int] = [field, old, new, KEPT_MS]
        if revocation:
            args += [revocation.kind, revocation.name, revocation.epoch]
        with required():
            done = script(client, "change_record")(keys=[name, keys.REVOCATIONS], args=args)
        if done:
            return answer
    raise ConflictError("This is being changed by others; try again.")
