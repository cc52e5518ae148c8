"""The API: events in."""

from __future__ import annotations

import dataclasses

import flask
from flask.typing import ResponseReturnValue

from cip.domain.events import MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from cip.domain.permissions import Permission
from cip.services import Services
from cip.web.api_bodies import JSON_LINES, raw_events
from cip.web.api_routes import Routes, Told
from cip.web.openapi_models import Events, EventsAnswer
from cip.web.requests import principal

_EVENT = {
    "event_id": "order-1001",
    "customer_id": "c-7",
    "type": "purchase.completed",
    "occurred_at": "2026-11-22T14:32:05Z",
    "channel": "web",
    "properties": {"amount_minor": 8490, "currency": "EUR"},
}
_LINES = (
    '{"event_id": "view-1", "customer_id": "c-7", "type": "page.viewed",'
    ' "occurred_at": "2026-11-22T14:31:12Z"}\n'
)
_MORE = f"""Answers once the accepted events are on disk. Each event is judged by its own: one bad
event never rejects its batch. At most {MAX_EVENTS_PER_REQUEST:,} events and
{MAX_REQUEST_BYTES // 1024**2} MB, unpacked, a request; 32 KB an event. A request that got no answer
may be sent again as it is."""
_ENCODING = {
    "name": "Content-Encoding",
    "in": "header",
    "description": "`gzip` for a packed body.",
    "schema": {"type": "string", "enum": ["gzip", "identity"]},
}


def register(routes: Routes, services: Services) -> None:
    def events() -> ResponseReturnValue:
        tenant = principal().tenant
        # Before the body is read: what is refused costs next to nothing.
        services.gate.check(tenant)
        # Before there is a slot for it: a slow sender holds none.
        flask.request.get_data()
        with services.gate.admit(tenant):
            answer = services.ingestion.accept(tenant, raw_events())
        return dataclasses.asdict(answer), 202

    lines = {"schema": {"type": "string"}, "example": _LINES}
    routes.add("POST", "/events", events, Told(
        "Send events", "Events", {202: EventsAnswer}, (403, 413, 415, 422),
        takes={**routes.json(Events, {"events": [_EVENT]}), **dict.fromkeys(JSON_LINES, lines)},
        parameters=(_ENCODING,), needs=Permission.EVENTS_WRITE, more=" ".join(_MORE.split("\n")),
    ))  # fmt: skip
