"""Everything that one person can make the application say: the requests of the canary tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cip.domain.insights import INSIGHTS
from layouts import PAGES
from tests.security import sweep
from tests.security.bodies import UPDATE, pressed
from tests.security.crossing import actions
from tests.security.worlds import World

LAST_DAY: Final = {"period": {"last": "24h"}}
_PACKINGS: Final = ("gzip", "br")
_QUERIES: Final[dict[str, Any]] = {
    "kpis": LAST_DAY,
    "timeseries": {"metric": "events", "bucket": "hour", "split_by": "type", **LAST_DAY},
    "rfm": {},
    "engagement": {},
}
Request = tuple[str, str, dict[str, Any]]


def requests(world: World, *, acts: bool = True) -> Iterator[Request]:
    """(method, path, options of the test client), in a fixed order. `acts`: also what changes."""
    version = world.version("adelheid")
    yield from _addresses(world)
    yield from _api()
    for one in world.callbacks:
        for path in PAGES if one.name == "page-content.children" else ["/"]:
            yield "POST", UPDATE, {"json": one.body(pressed(version, path))}
        yield "POST", UPDATE, {"json": one.body(lambda *_: None)}
    if acts:
        yield from _acts(world)


def _addresses(world: World) -> Iterator[Request]:
    for path in (*PAGES, "/nowhere", "/login", "/join", "/admin/users"):
        for packing in _PACKINGS:
            yield "GET", path, {"headers": {"Accept-Encoding": packing, "Accept": "text/html"}}
    for route in sweep.routes(world.app):
        if route.rule not in ("/logout", "/api/v1/auth/logout") and route.need != "callback":
            yield route.method, route.address(), {}


def _api() -> Iterator[Request]:
    assert set(_QUERIES) == set(INSIGHTS), "say in tests/security/traffic.py how to ask for it"
    for slug, query in _QUERIES.items():
        for accept in ("application/json", "text/csv"):
            headers = {"Accept": accept, "Accept-Encoding": "gzip"}
            yield "POST", f"/api/v1/insights/{slug}", {"json": query, "headers": headers}
    yield "POST", "/api/v1/insights/kpis", {"json": {"period": "bad"}}
    yield "POST", "/api/v1/insights/nothing", {"json": {}}
    yield "POST", "/api/v1/events", {"data": b"not json"}
    yield "POST", "/api/v1/auth/token", {"json": {"username": "adelheid", "password": "wrong"}}


def _acts(world: World) -> Iterator[Request]:
    """Acts of the administration that name somebody who is not there."""
    for one in world.callbacks:
        for component, prop in one.slots():
            if not component.endswith("-act"):
                continue
            for action in (*actions(), "save"):
                act = {"action": action, "target": "nobody", "nonce": 1, "values": {}}

                def values(name: str, part: str, act: Any = act, slot: str = component) -> Any:
                    return act if name == slot else None

                assert prop == "data"
                yield "POST", UPDATE, {"json": one.body(values)}
