"""What exists, and whether an answer is a refusal: the sweep's eyes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from dash import Dash
from werkzeug.routing import Rule

from cip.auth.policy import PERMISSIONS
from cip.domain.permissions import Permission, Role
from layouts import PAGES
from tests.security import policy
from tests.security.bodies import UPDATE
from tests.security.worlds import BROWSERS, KEY_SCOPE

CALLERS: Final = (
    "anonymous",
    "viewer",
    "analyst",
    "admin",
    "super admin",
    "other admin",
    "key",
    "bearer",
)
PROGRAMS: Final = ("key", "bearer")
_HELD: Final = {
    "anonymous": frozenset[Permission](),
    "viewer": PERMISSIONS[Role.VIEWER],
    "analyst": PERMISSIONS[Role.ANALYST],
    "admin": PERMISSIONS[Role.ADMIN],
    "super admin": PERMISSIONS[Role.SUPER_ADMIN],
    "other admin": PERMISSIONS[Role.ADMIN],
    "key": frozenset({KEY_SCOPE}),
    "bearer": PERMISSIONS[Role.ANALYST],
}
_PARAMETER: Final = re.compile(r"<(?:[^:>]*:)?([^>]*)>")
ADD_IT: Final = "add it to tests/security/policy.py with what it needs"


@dataclass(frozen=True, slots=True)
class Route:
    rule: str
    method: str
    need: policy.Need

    def address(self, parameter: str = "kpis") -> str:
        """With `parameter` in each place that an address of it leaves open."""
        return _PARAMETER.sub(parameter, self.rule)


def held(who: str) -> frozenset[Permission]:
    return _HELD[who]


def routes(app: Dash) -> Iterator[Route]:
    """Every route × method; fails on one that the policy does not know."""
    for rule in app.server.url_map.iter_rules():
        known = policy.ROUTES.get(rule.rule)
        assert known is not None, f"the route {rule.rule} is unknown: {ADD_IT}"
        for method in sorted(methods(rule)):
            assert method in known, f"{method} {rule.rule} is unknown: {ADD_IT}"
            yield Route(rule.rule, method, known[method])


def methods(rule: Rule) -> set[str]:
    return set(rule.methods or ()) - {"HEAD", "OPTIONS"}


def page_permission(path: str) -> Permission:
    assert path in PAGES
    assert path in policy.PAGES, f"the page {path} is unknown: {ADD_IT}"
    return policy.PAGES[path]


def callback_permission(name: str) -> Permission:
    assert name in policy.CALLBACKS, f"the callback {name} is unknown: {ADD_IT}"
    return policy.CALLBACKS[name]


def expected(who: str, need: policy.Need, path: str) -> str:
    """`in`, `who are you`, `no` or `nothing here`: what the policy says to this caller."""
    known = who != "anonymous" and (path.startswith("/api/") or who not in PROGRAMS)
    if need == "public":
        return "in"
    if not known:
        return "who are you"
    if isinstance(need, Permission):
        return "in" if need in held(who) else "no"
    return "nothing here" if need == "nobody" else "in"


def meaning(answer: Any) -> str:
    """The same of an answer. A redirect elsewhere than to the login is a way in."""
    if answer.status_code == 401 or _asks_to_sign_in(answer):
        return "who are you"
    if answer.status_code >= 500:
        return f"broke with {answer.status_code}"
    return {403: "no", 404: "nothing here"}.get(answer.status_code, "in")


def _asks_to_sign_in(answer: Any) -> bool:
    return answer.status_code in (302, 303) and answer.headers["Location"].startswith("/login?")


__all__ = [
    "BROWSERS", "CALLERS", "PROGRAMS", "UPDATE", "Route", "callback_permission", "expected",
    "held", "meaning", "methods", "page_permission", "routes",
]  # fmt: skip
