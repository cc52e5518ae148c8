"""The administration's services on the real server, and people to use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cip.auth.policy import PERMISSIONS
from cip.domain.audit import AuditEvent
from cip.domain.errors import UnauthenticatedError
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import tenant_id
from cip.domain.users import User
from cip.services.credentials import Credentials
from cip.services.keys import KeyService
from cip.services.own_account import OwnAccountService
from cip.services.people import PeopleService
from cip.services.platform_people import PlatformPeopleService
from cip.services.refusals import Refusals
from cip.services.sessions import Resumed
from cip.services.tenancy import TenancyService
from cip.store.queue import JobQueue
from cip.store.revocations import Revocations
from cip.store.throttle import LoginThrottle
from tests.factories import KEYS, Clock, Platform

PASSWORD = "correct horse battery"
ACME = tenant_id("acme")
OUTSIDE = tenant_id("outside")


@dataclass
class Desk:
    """What the administration's pages are handed, and shortcuts for tests."""

    platform: Platform
    clock: Clock
    people: PeopleService
    everyone: PlatformPeopleService
    keys: KeyService
    tenancy: TenancyService
    own: OwnAccountService

    def user(self, username: str) -> User:
        found = self.platform.services.accounts.users.find(username)
        assert found is not None
        return found

    def exists(self, username: str) -> bool:
        return self.platform.services.accounts.users.find(username) is not None

    def principal(self, username: str, tenant: str = "acme", session: str = "") -> Principal:
        """As the guard would make it."""
        user = self.user(username)
        role = self.platform.services.accounts.role(user, tenant_id(tenant))
        assert role is not None
        return Principal(username, tenant_id(tenant), role, PERMISSIONS[role], session)

    def sign_in(self, username: str) -> tuple[str, Resumed]:
        """The cookie's secret, and the session."""
        return self.platform.services.sessions.open(
            self.user(username), remember=False, address="192.0.2.1", agent="a browser"
        )

    def holds(self, resumed: Resumed) -> bool:
        """Whether a worker that looks now takes the access token."""
        try:
            self.fresh_credentials().of_access(resumed.token)
        except UnauthenticatedError:
            return False
        return True

    def fresh_credentials(self) -> Credentials:
        """Of a worker that has just read what is revoked."""
        services = self.platform.services
        return Credentials(
            services.accounts, Revocations(services.resources.reads), KEYS, self.clock
        )

    def goes_on(self, secret: str) -> Principal | None:
        """Whom the browser's session makes now, None where it has ended."""
        resumed = self.platform.services.sessions.resume(secret)
        return resumed.principal if resumed else None

    def audited(self, tenant: str | None = "acme") -> list[AuditEvent]:
        """Oldest first."""
        log = None if tenant is None else tenant_id(tenant)
        return [entry.event for entry in reversed(self.platform.services.audit.page(log))]

    def actions(self, tenant: str | None = "acme") -> list[tuple[str, str, str, str]]:
        """Without sign-ins, which the tests make all the time."""
        return [
            (event.subject, event.action, event.target, event.outcome)
            for event in self.audited(tenant)
            if event.action != "login.accepted"
        ]

    def state(self) -> dict[bytes, Any]:
        """All of Redis, to compare with."""
        client = self.platform.client
        readers: dict[bytes, Callable[[bytes], Any]] = {
            b"hash": client.hgetall,
            b"set": client.smembers,
            b"string": client.get,
            b"stream": client.xrange,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        }
        return {key: readers[client.type(key)](key) for key in client.scan_iter()}


@pytest.fixture
def desk(platform: Platform) -> Desk:
    """acme with alice and adam (admins), ann (analyst), bob (viewer); charlie (admin of outside);
    dora (viewer of both); root, who runs the platform and is a member of neither's lists."""
    platform.add_tenant("outside")
    services = platform.services
    accounts, sessions, audit = services.accounts, services.sessions, services.audit
    clock = platform.clock
    assert isinstance(clock, Clock)
    for name, tenant, role in (
        ("alice", ACME, Role.ADMIN),
        ("adam", ACME, Role.ADMIN),
        ("ann", ACME, Role.ANALYST),
        ("bob", ACME, Role.VIEWER),
        ("charlie", OUTSIDE, Role.ADMIN),
        ("dora", ACME, Role.VIEWER),
        ("root", OUTSIDE, Role.ADMIN),
    ):
        accounts.create_user(name, PASSWORD, tenant, role)
    both = {ACME: Role.VIEWER, OUTSIDE: Role.VIEWER}
    accounts.users.change("dora", lambda user: user.model_copy(update={"memberships": both}))
    root = {"memberships": {}, "super_admin": True}
    accounts.users.change("root", lambda user: user.model_copy(update=root))
    queue = JobQueue(platform.redis_url)
    return Desk(
        platform=platform,
        clock=clock,
        people=PeopleService(accounts, sessions, audit, clock),
        everyone=PlatformPeopleService(accounts, sessions, audit, clock),
        keys=KeyService(accounts, audit, clock),
        tenancy=TenancyService(
            accounts, sessions, audit, services.resources, services.insights, queue
        ),
        own=OwnAccountService(
            accounts,
            sessions,
            audit,
            clock,
            LoginThrottle(services.resources.writes, clock),
            Refusals(accounts, audit, b"names"),
        ),
    )
