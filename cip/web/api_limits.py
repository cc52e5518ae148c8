"""How often a caller of the API may ask, and what each answer says of it."""

from __future__ import annotations

from typing import Final

import flask

from cip.domain.errors import ThrottledError
from cip.domain.principals import Principal
from cip.services import Services
from cip.store.rate_limits import Allowance, RateLimits

_COUNTED_APART: Final = frozenset({"api.events"})
_ALLOWANCE: Final = "allowance"


def install(blueprint: flask.Blueprint, services: Services, per_minute: int) -> None:
    """Counts whoever the guard has let in, by key or user; 0 requests: no limit."""
    if per_minute == 0:
        return
    limits = RateLimits(services.resources.writes)

    @blueprint.before_request
    def take() -> None:
        who = flask.g.get("principal")
        if not isinstance(who, Principal):
            return
        what = "events" if flask.request.endpoint in _COUNTED_APART else "rest"
        if what == "events":
            # Counting is a write, which waits for the disk: what is refused anyway costs none.
            services.gate.check(who.tenant)
        allowance = limits.take(who.tenant, who.subject, what, per_minute)
        setattr(flask.g, _ALLOWANCE, allowance)
        if allowance.retry_after_seconds:
            raise ThrottledError(
                f"At most {per_minute} requests a minute.",
                retry_after_seconds=allowance.retry_after_seconds,
            )

    @blueprint.after_request
    def tell(response: flask.Response) -> flask.Response:
        allowance: Allowance | None = flask.g.get(_ALLOWANCE)
        if allowance is not None:
            response.headers["RateLimit-Limit"] = str(allowance.limit)
            response.headers["RateLimit-Remaining"] = str(allowance.remaining)
            response.headers["RateLimit-Reset"] = str(allowance.reset_seconds)
        return response
