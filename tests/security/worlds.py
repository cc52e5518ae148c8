"""Two tenants on one application, with somebody in every role, and requests in their names."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson
from dash import Dash

import wsgi
from cip.auth import passwords
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import tenant_id
from cip.domain.users import User
from cip.jobs import tasks
from cip.settings import Settings
from cip.store.queue import COMPUTE_INSIGHT
from tests.factories import KEYS, NOW, Platform, raw_event
from tests.security.bodies import UPDATE, Callback, Values, callbacks_of
from tests.web.conftest import PASSWORD, prove_page

OURS: Final = "acme"
THEIRS: Final = "outside"
_HASH: Final = passwords.hash_password(PASSWORD)
# name, tenant, role, super admin
_PEOPLE: Final = (
    ("adelheid", OURS, Role.ADMIN, False),
    ("ann", OURS, Role.ANALYST, False),
    ("vic", OURS, Role.VIEWER, False),
    ("sue", OURS, Role.ADMIN, True),
    ("ottokar", THEIRS, Role.ADMIN, False),
)
# Who asks, in the words of the sweep → the person.
BROWSERS: Final = {
    "viewer": "vic",
    "analyst": "ann",
    "admin": "adelheid",
    "super admin": "sue",
    "other admin": "ottokar",
}
KEY_SCOPE: Final = Permission.ANALYTICS_VIEW


@dataclass
class World:
    """`services` and an application on a server that holds both tenants."""

    platform: Platform
    settings: Settings
    app: Dash = field(init=False)

    def __post_init__(self) -> None:
        self.work_with(NoWorker())
        self.app = wsgi.create_app(self.settings, self.platform.services)

    def work_with(self, queue: NoWorker | WorkerHere) -> None:
        """Every service that starts jobs gives them to this queue."""
        services = self.platform.services
        for each in fields(services):
            if hasattr(getattr(services, each.name), "_queue"):
                getattr(services, each.name)._queue = queue

    def populate(self) -> None:
        self.platform.add_tenant(OURS)
        self.platform.add_tenant(THEIRS)
        for name, tenant, role, root in _PEOPLE:
            self.add_user(name, tenant, role, super_admin=root)

    def add_user(
        self, name: str, tenant: str, role: Role, *, super_admin: bool = False, full: str = ""
    ) -> User:
        user = User(
            username=name,
            name=full or name.title(),
            password_hash=_HASH,
            memberships={tenant_id(tenant): role},
            home=tenant_id(tenant),
            super_admin=super_admin,
            created_at=NOW,
        )
        self.platform.services.accounts.users.add(user)
        return user

    @cached_property
    def callbacks(self) -> list[Callback]:
        return callbacks_of(self.app)

    def principal(self, name: str) -> Principal:
        user = self.user(name)
        return self.platform.services.credentials.issue(user, user.home, "a-session")[1]

    def user(self, name: str) -> User:
        found = self.platform.services.accounts.users.find(name)
        assert found is not None
        return found

    def secret(self, name: str) -> str:
        """What the cookie of a new session of the person holds."""
        opened = self.platform.services.sessions.open(
            self.user(name), remember=False, address="127.0.0.1", agent="a test"
        )
        return opened[0]

    def stranger(self) -> Any:
        return self.app.server.test_client()

    def browser(self, name: str, secret: str | None = None) -> Any:
        """Signed in, and sending what a page of ours sends along."""
        client = self.stranger()
        client.set_cookie("cip_session", secret or self.secret(name))
        assert client.get("/").status_code == 200
        prove_page(client)
        return client

    def caller(self, who: str) -> Any:
        """A client of one of `BROWSERS`, of `anonymous`, `key` or `bearer`."""
        if who in BROWSERS:
            return self.browser(BROWSERS[who])
        client = self.stranger()
        if who == "key":
            text = self.platform.services.accounts.create_key(
                tenant_id(OURS), "one scope", frozenset({KEY_SCOPE})
            )[1]
            client.environ_base["HTTP_X_API_KEY"] = text
        elif who == "bearer":
            pair = self.platform.services.api_tokens.grant(self.user("ann"), None)
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {pair.access}"
        return client

    def version(self, name: str) -> str:
        return self.platform.services.pulse.version(self.principal(name))

    def post(self, client: Any, callback: Callback, values: Values, **headers: str) -> Any:
        return client.post(UPDATE, json=callback.body(values), headers=headers)


class NoWorker:
    """A queue that nobody works off."""

    def enqueue(self, job: str, arguments: list[Any], queue: str) -> None:
        """Takes the job and forgets it."""


@dataclass
class WorkerHere:
    """A queue whose jobs are done before it returns."""

    platform: Platform

    def enqueue(self, job: str, arguments: list[Any], queue: str) -> None:
        if job == COMPUTE_INSIGHT:
            tasks.compute_insight(
                tasks.Job.of(*arguments),
                self.platform.services,
                self.platform.history_root,
                self.platform.clock,
            )


@dataclass(frozen=True)
class Canary:
    """What marks one tenant: words found nowhere else, and numbers that nothing else adds up to."""

    word: str
    events: int
    amount: int
    currency: str

    @property
    def strings(self) -> list[str]:
        return [self.word, self.word.upper(), self.word.title(), self.currency]

    @property
    def numbers(self) -> list[int]:
        return [self.events, self.amount, self.amount // 100]


OUR_CANARY: Final = Canary("zebrafinch", 107, 104_395_301, "XBA")
THEIR_CANARY: Final = Canary("quokkamoth", 1_013, 179_424_673, "XTS")


def fill(world: World, tenant: str, admin: str, canary: Canary) -> None:
    """Events, a name and settings, people, keys, audit entries, each with the tenant's canary."""
    platform, word = world.platform, canary.word
    services = platform.services
    services.accounts.tenants.change(
        tenant_id(tenant),
        lambda old: old.model_copy(
            update={"name": f"{word.title()} Ltd", "currency": canary.currency}
        ),
    )
    services.resources.tenant_values._entries.clear()
    platform.send(*_events(canary), name=tenant)
    world.add_user(f"{word}.person", tenant, Role.VIEWER, full=f"{word.title()} Person")
    who = world.principal(admin)
    services.accounts.create_key(who.tenant, f"{word} key", frozenset({KEY_SCOPE}))
    services.audit.record(
        who.tenant, f"{word}.person", "user.renamed", f"{word}.target", after={"name": word}
    )
    services.people.invite(who, f"{word}.invited", f"{word.title()} Invited", Role.VIEWER)
    world.secret(f"{word}.person")


def _events(canary: Canary) -> list[dict[str, Any]]:
    word = canary.word
    seen = [
        raw_event(
            customer=f"{word}-c{number % 7}",
            kind=f"{word}.happened",
            minutes_ago=1 + number % 50,
            event_id=f"{word}-{number}",
            channel=f"{word}-channel",
            properties={"page": f"/{word}/page", "email": f"{word}@example.org"},
        )
        for number in range(canary.events - 1)
    ]
    bought = raw_event(
        customer=f"{word}-buyer",
        kind="purchase.completed",
        event_id=f"{word}-purchase",
        channel=f"{word}-channel",
        properties={"amount_minor": canary.amount, "currency": canary.currency},
    )
    return [*seen, bought]


def settings_of(redis_url: str, home: Path) -> Settings:
    return Settings.from_env(
        {
            "CIP_HOME": str(home),
            "CIP_REDIS_URL": redis_url,
            "CIP_SECRET_KEY": KEYS.current,
        }
    )


def state_of(world: World, tenant: str) -> dict[str, Any]:
    """All that the store holds of a tenant: its keys' contents, and its entries of the platform's
    registers."""
    client = world.platform.client
    braces = f"{{{tenant}}}".encode()
    users = [
        user.username
        for user in world.platform.services.accounts.users.all()
        if tenant in user.memberships
    ]
    state: dict[str, Any] = {}
    for key in sorted(client.scan_iter(match="*", count=1_000)):
        about = key.rpartition(b":")[2].decode("utf-8", "replace")
        if braces in key or about in users:
            state[key.decode()] = client.dump(key)
        elif client.type(key) == b"hash" and b"platform" in key:
            entries = client.hgetall(key)
            names = {n: v for n, v in entries.items() if _is_of(n, v, tenant, users)}
            state[key.decode()] = names
    return {name: value for name, value in state.items() if value}


def _is_of(name: bytes, value: bytes, tenant: str, users: list[str]) -> bool:
    return (
        name.decode("utf-8", "replace") in (tenant, *users)
        or any(
            mark.encode() in value
            for mark in (f'"tenant":"{tenant}"', f'"home":"{tenant}"', f'"{tenant}":')
        )
        or (name == b"username" and value.decode() in users)
    )


def json_of(answer: Any) -> Any:
    return orjson.loads(answer.data) if answer.data else None


__all__ = [
    "BROWSERS", "KEY_SCOPE", "OURS", "OUR_CANARY", "THEIRS", "THEIR_CANARY", "Canary",
    "NoWorker", "WorkerHere", "World", "fill", "json_of", "settings_of", "state_of",
]  # fmt: skip
