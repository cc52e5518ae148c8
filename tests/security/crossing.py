"""Ids of the other tenant, in every form in which a request can carry one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from layouts import account_views
from tests.security.bodies import Callback, Values
from tests.security.worlds import KEY_SCOPE, THEIRS, World

# What an act of an administration page may carry besides its target.
_VALUES: Final = {
    "username": "zed",
    "name": "Zed",
    "role": "viewer",
    "label": "zed",
    "scopes": ["analytics:view"],
    "timezone": "UTC",
    "currency": "EUR",
    "reason": "for a test",
}
_FIELDS: Final = ("handle", "username", "target", "key_id", "tenant", "session", "id", "user")


@dataclass(frozen=True, slots=True)
class Foreign:
    """One of each kind of thing that the other tenant has."""

    user: str
    key: str
    session: str
    tenant: str
    erasure: str
    letter: str

    @property
    def all(self) -> tuple[str, ...]:
        handle = account_views.handle(self.session)
        return (self.user, self.key, self.session, handle, self.tenant, self.erasure, self.letter)


def foreign(world: World) -> Foreign:
    services = world.platform.services
    world.add_user("olga", THEIRS, Role.VIEWER)
    world.secret("olga")
    (session,) = services.sessions.of("olga")
    key, _ = services.accounts.create_key(tenant_id(THEIRS), "quokkakey", frozenset({KEY_SCOPE}))
    services.audit.record(tenant_id(THEIRS), "ottokar", "user.renamed", "olga")
    erasure = services.erasure.request(world.principal("ottokar"), "quokka-customer")
    services.ingestion.accept(tenant_id(THEIRS), [{"event_id": "quokka-event"}])
    who = world.principal("ottokar")
    (row,) = services.dead_letters.overview(who).rows
    (letter,) = services.dead_letters.page(who, row.reason)
    return Foreign("olga", key.key_id, session.id, THEIRS, erasure.id, letter.id)


def actions() -> list[str]:
    """What the administration's pages can ask for: the keys of every `_ACTS`."""
    found: set[str] = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("callbacks."):
            found |= set(getattr(module, "_ACTS", {}))
    return sorted(found)


def attempts(callback: Callback, good: Values, ids: Foreign) -> Iterator[dict[str, Any]]:
    """The callback's body with each of the ids in each slot: bare, in an object, as an act."""
    for component, prop in callback.slots():
        for value in _forms(component, ids):

            def values(
                one: str, part: str, slot: tuple[str, str] = (component, prop), given: Any = value
            ) -> Any:
                return given if (one, part) == slot else good(one, part)

            yield callback.body(values)


def _forms(component: str, ids: Foreign) -> Iterator[Any]:
    for given in ids.all:
        yield given
        yield dict.fromkeys(_FIELDS, given)
    if component.endswith("-act"):
        for action in actions():
            for given in ids.all:
                named = dict.fromkeys(("tenant", "username", "key_id", "letter"), given)
                values = {**_VALUES, **named}
                yield {"action": action, "target": given, "nonce": 1, "values": _VALUES}
                if action not in ("invite", "create"):
                    yield {"action": action, "target": given, "nonce": 1, "values": values}
