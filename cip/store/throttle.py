"""How often somebody may try to sign in: per user, per address and in all, counted in Redis.

A try is taken before the password is looked at and given back when it fits, so that parallel
tries cannot pass the limit. Nothing here knows which users exist: unknown names are counted alike.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cip.domain.errors import ThrottledError
from cip.domain.events import microseconds
from cip.store import keys
from cip.store.client import Redis, required
from cip.store.scripts import script

KNOWN_ADDRESSES: Final = 20
KNOWN_FOR: Final = timedelta(days=30)
# An attacker on IPv6 owns a whole network of this size, not one address.
_IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries a window holds."""

    user: int = 10
    address: int = 50
    everyone: int = 1_000
    window: timedelta = timedelta(minutes=5)


class LoginThrottle:
    """Raises `UnavailableError` when Redis is away: signing in fails closed.

    `clock` is Redis's own where none is given, so that all processes mean the same time.
    """

    def __init__(
        self,
        writes: Redis,
        clock: Callable[[], datetime] | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._writes = writes
        self._clock = clock
        self._limits = limits or Limits()
        self._window_ms = self._limits.window // timedelta(milliseconds=1)
        self._take_try = script(writes, "take_try")

    def admit(self, username: str, address: str) -> None:
        """Takes a try; raises `ThrottledError` where there is none left, and then takes none.

        An address from which this user signed in lately has a bucket of its own, and the other
        two count its tries without refusing them: strangers cannot lock the owner out.
        """
        user, place = _digest_of_name(username), _digest_of_address(address)
        with required():
            now = self._now()
            taken: list[str] = []
            for bucket, limit in self._buckets(user, place, now):
                wait_ms = self._take(bucket, now, limit)
                if wait_ms:
                    self._give_back(taken)
                    raise _refusal(wait_ms)
                taken.append(bucket)

    def succeeded(self, username: str, address: str) -> None:
        """The admitted try fitted: it counts no more, nor do the user's failures before it."""
        user, place = _digest_of_name(username), _digest_of_address(address)
        with required():
            now = self._now()
            known = self._is_known(user, place, now)
            self._remember(user, place, now)
            # From a known address the strangers' bucket stays: each sign-in of the owner would
            # else hand them ten more tries.
            own = keys.tries_of_owner(user, place) if known else keys.tries_of_user(user)
            self._writes.delete(own)
            self._give_back([keys.tries_of_address(place), keys.TRIES_OF_EVERYONE])

    def _buckets(self, user: str, place: str, now: int) -> list[tuple[str, int | None]]:
        """The buckets that a try is taken from, and how many each holds."""
        limits = self._limits
        everywhere = (keys.tries_of_address(place), keys.TRIES_OF_EVERYONE)
        if self._is_known(user, place, now):
            own = (keys.tries_of_owner(user, place), limits.user)
            return [own, *((bucket, None) for bucket in everywhere)]
        return [
            (keys.tries_of_user(user), limits.user),
            *zip(everywhere, (limits.address, limits.everyone), strict=True),
        ]

    def _now(self) -> int:
        if self._clock is not None:
            return microseconds(self._clock()) // 1_000
        answer: Any = self._writes.time()
        seconds, micros = answer
        return int(seconds) * 1_000 + int(micros) // 1_000

    def _take(self, bucket: str, now: int, limit: int | None) -> int:
        arguments = [now, self._window_ms, "" if limit is None else limit]
        return int(self._take_try(keys=[bucket], args=arguments))

    def _give_back(self, buckets: list[str]) -> None:
        for bucket in buckets:
            # Tries are alike: taking off the newest frees as much as taking off one's own.
            self._writes.rpop(bucket)

    def _is_known(self, user: str, place: str, now: int) -> bool:
        seen: Any = self._writes.zscore(keys.known_addresses(user), place)
        return seen is not None and float(seen) > _forgotten_before(now)

    def _remember(self, user: str, place: str, now: int) -> None:
        known = keys.known_addresses(user)
        with self._writes.pipeline(transaction=True) as changes:
            changes.zadd(known, {place: now})
            changes.zremrangebyscore(known, "-inf", _forgotten_before(now))
            changes.zremrangebyrank(known, 0, -KNOWN_ADDRESSES - 1)
            changes.pexpire(known, KNOWN_FOR)
            changes.execute()


def _forgotten_before(now: int) -> int:
    return now - KNOWN_FOR // timedelta(milliseconds=1)


def _refusal(wait_ms: int) -> ThrottledError:
    seconds = math.ceil(wait_ms / 1_000)
    minutes = math.ceil(seconds / 60)
    unit = "minute" if minutes == 1 else "minutes"
    # One text for all three limits: it must not tell which names were tried before.
    return ThrottledError(
        f"Too many tries to sign in. Try again in {minutes} {unit}.", retry_after_seconds=seconds
    )


def _digest_of_name(username: str) -> str:
    return _digest(username.strip().lower())


def _digest_of_address(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return _digest(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return _digest(str(parsed.ipv4_mapped))
        network = ipaddress.ip_network((int(parsed), _IPV6_NETWORK_BITS), strict=False)
        return _digest(str(network))
    return _digest(str(parsed))


def _digest(text: str) -> str:
    # What was typed never stands in a key: it is of any length, and may be a password.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
