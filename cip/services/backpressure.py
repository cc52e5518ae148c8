"""Lets events in as far as there is room: for them in the store, and for their request here."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Condition
from typing import Final

from cip.domain.backpressure import Limits, objection
from cip.domain.errors import ThrottledError
from cip.domain.tenants import TenantId
from cip.store.pressure import Pressure

# Fewer than the web server's threads: the others are for the pages, and for refusing.
SLOTS: Final = 2
PATIENCE_SECONDS: Final = 0.05
# Who waits holds a thread of the web server.
MAX_WAITING: Final = 4
# Beside others a tenant rests after each request for this share of the time it took: it never has
# the whole of a core, and what is left over is at hand for whoever sends little. With 0.4 the quiet
# one's median was 1.27 and 1.62 of the normal one in overload, with 1.0 1.37 and 1.49.
REST_SHARE: Final = 1.0
# A tenant that has asked within this time wants in: the last slot is kept for it.
REMEMBERED_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = (1, 3)


class Slots:
    """The requests with events that one process works on at a time, shared fairly.

    While several tenants want in, the last slot is only for one that holds none, and so is the
    last place to wait; what comes free goes to whoever holds least and was served longest ago. And
    each rests a little after a request."""

    def __init__(
        self,
        total: int = SLOTS,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        max_waiting: int = MAX_WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._patience = patience_seconds
        self._max_waiting = max_waiting
        self._clock = clock
        self._held: Counter[TenantId] = Counter()
        self._waiting: Counter[TenantId] = Counter()
        self._asked: dict[TenantId, float] = {}
        self._served: dict[TenantId, int] = {}
        self._rests_until: dict[TenantId, float] = {}
        self._number = count(1)
        self._changed = Condition()

    @contextmanager
    def take(self, tenant: TenantId) -> Iterator[None]:
        """Raises `ThrottledError` where there is none for the tenant, and none comes free soon."""
        self._acquire(tenant)
        begun = self._clock()
        try:
            yield
        finally:
            self._release(tenant, self._clock() - begun)

    def check(self, tenant: TenantId) -> None:
        """Raises `ThrottledError` where there is neither a slot for the tenant now nor a place to
        wait for one. Takes neither."""
        with self._changed:
            self._asked[tenant] = self._clock()
            if not self._is_next(tenant) and not self._may_wait(tenant):
                raise _too_many()

    def _acquire(self, tenant: TenantId) -> None:
        with self._changed:
            self._asked[tenant] = self._clock()
            if not self._is_next(tenant) and not self._wait(tenant):
                raise _too_many()
            self._held[tenant] += 1
            self._served[tenant] = next(self._number)

    def _wait(self, tenant: TenantId) -> bool:
        if not self._may_wait(tenant):
            return False
        self._waiting[tenant] += 1
        try:
            deadline = self._clock() + self._patience
            while not self._is_next(tenant):
                left = deadline - self._clock()
                if left <= 0:
                    return False
                self._changed.wait(min(left, self._rest(tenant) or left))
            return True
        finally:
            self._waiting[tenant] -= 1
            self._changed.notify_all()  # those who let it pass look again

    def _may_wait(self, tenant: TenantId) -> bool:
        """Half of the places are a tenant's at most, the last is for one that holds no slot."""
        places = self._max_waiting - self._waiting.total()
        least = 2 if self._held[tenant] else 1
        return places >= least and 2 * self._waiting[tenant] < self._max_waiting

    def _release(self, tenant: TenantId, took: float) -> None:
        with self._changed:
            if not self._is_alone(tenant):
                self._rests_until[tenant] = self._clock() + REST_SHARE * took
            self._held[tenant] -= 1
            if not self._held[tenant]:
                del self._held[tenant]
            self._changed.notify_all()

    def _is_next(self, tenant: TenantId) -> bool:
        if not self._may_take(tenant):
            return False
        rank = self._rank(tenant)
        rivals = [one for one, waiting in self._waiting.items() if waiting and one != tenant]
        return not any(self._rank(one) < rank and self._may_take(one) for one in rivals)

    def _may_take(self, tenant: TenantId) -> bool:
        free = self._total - self._held.total()
        if free <= 0 or self._rest(tenant):
            return False
        return free > 1 or not self._held[tenant] or self._is_alone(tenant)

    def _rest(self, tenant: TenantId) -> float:
        """Seconds until the tenant has rested."""
        left = self._rests_until.get(tenant, 0.0) - self._clock()
        if left <= 0:
            self._rests_until.pop(tenant, None)
        return max(0.0, left)

    def _rank(self, tenant: TenantId) -> tuple[int, int]:
        return self._held[tenant], self._served.get(tenant, 0)

    def _is_alone(self, tenant: TenantId) -> bool:
        since = self._clock() - REMEMBERED_SECONDS
        self._asked = {name: at for name, at in self._asked.items() if at >= since}
        return not self._asked.keys() - {tenant}


def _too_many() -> ThrottledError:
    return ThrottledError(
        "Too many requests with events at once.",
        retry_after_seconds=random.randint(*_RETRY_SECONDS),  # noqa: S311 - jitter
    )


class IngestGate:
    """Asked before a request's body is read, so that a refusal is cheap; entered once it has been,
    so that a slow sender holds no slot."""

    def __init__(self, pressure: Pressure, limits: Limits, slots: Slots) -> None:
        self._pressure = pressure
        self._limits = limits
        self._slots = slots

    def check(self, tenant: TenantId) -> None:
        """Raises what `admit` would raise at once. For what costs a write (a rate limit), which a
        refused request must not."""
        self._check_room(tenant)
        self._slots.check(tenant)

    @contextmanager
    def admit(self, tenant: TenantId) -> Iterator[None]:
        """Raises `ThrottledError` where it is this tenant that has to wait, `UnavailableError`
        where everybody has to, or Redis is away."""
        self._check_room(tenant)
        with self._slots.take(tenant):
            yield

    def _check_room(self, tenant: TenantId) -> None:
        if refusal := objection(*self._pressure.look(tenant), self._limits):
            raise refusal
