"""Whether the process lives, and whether the platform can do its work."""

from __future__ import annotations

from typing import Any

import flask
from flask.typing import ResponseReturnValue

from cip.services import Services
from cip.store import keys
from cip.store.client import AWAY


def blueprint(services: Services) -> flask.Blueprint:
    views = flask.Blueprint("health", __name__)

    @views.get("/healthz")
    def alive() -> ResponseReturnValue:
        return {"status": "ok"}

    @views.get("/readyz")
    def ready() -> ResponseReturnValue:
        """503 until Redis takes a write and an ingest process has said that it lives."""
        checks = _checks(services)
        ok = all(checks.values())
        return {"status": "ok" if ok else "not ready", "checks": checks}, 200 if ok else 503

    return views


def _checks(services: Services) -> dict[str, bool]:
    checks: dict[str, bool] = {"redis": False, "ingest": False}
    try:
        services.resources.writes.set(keys.heartbeat("web"), "ok", ex=60)
        checks["redis"] = True
        found: Any = services.resources.reads.get(keys.heartbeat("ingest"))
        checks["ingest"] = found is not None
    except AWAY:
        return checks
    return checks
