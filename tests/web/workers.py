"""Two web processes' worth of application in one: each with services and knowledge of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import Morsel, SimpleCookie
from typing import Any

from dash import Dash

import wsgi
from cip.auth.keyring import KeyRing
from cip.services import Services, make_services
from cip.settings import Settings
from tests.web.conftest import Client


@dataclass
class Worker:
    """An application over the settings' Redis. `seconds` is its own idea of time passing: what it
    knows of revocations ages by it."""

    settings: Settings
    clock: Callable[[], datetime]
    seconds: float = 1_000.0
    services: Services = field(init=False)
    app: Dash = field(init=False)

    def __post_init__(self) -> None:
        url = self.settings.redis_url
        keys = KeyRing(self.settings.secret_key, self.settings.previous_secret_key)
        self.services = make_services(url, url, keys, version_seconds=0, clock=self.clock)
        self.services.credentials._revocations._clock = lambda: self.seconds
        self.app = wsgi.create_app(self.settings, self.services)

    def client(self, cookies: dict[str, str] | None = None) -> Client:
        """A browser with these cookies."""
        client: Client = self.app.server.test_client()
        for name, value in (cookies or {}).items():
            client.set_cookie(name, value)
        if proof := (cookies or {}).get("cip_csrf"):
            client.environ_base["HTTP_X_CSRF_TOKEN"] = proof
        return client


def given(answer: Client) -> dict[str, Morsel[str]]:
    """The cookies that an answer sets, by name."""
    jar: dict[str, Morsel[str]] = {}
    for header in answer.headers.getlist("Set-Cookie"):
        jar.update(SimpleCookie(header))
    return jar


def is_signed_in(client: Client) -> bool:
    status = client.get("/").status_code
    assert status in (200, 302), status
    return bool(status == 200)


def cookies_of(client: Client) -> dict[str, str]:
    return {
        name: cookie.value
        for name in ("cip_session", "cip_access", "cip_csrf")
        if (cookie := client.get_cookie(name)) is not None
    }


def callback_body(app: Dash, trigger: str, changed: list[str]) -> dict[str, Any]:
    """What a browser posts for the one callback of which `trigger` is an input."""
    for key, entry in app.callback_map.items():
        inputs = [f"{item['id']}.{item['property']}" for item in entry["inputs"]]
        if trigger in inputs and entry.get("callback") is not None:
            output = entry["output"]
            several = isinstance(output, (list, tuple))
            outputs = [
                {"id": one.component_id_str(), "property": one.component_property}
                for one in (output if several else [output])
            ]
            return {
                "output": key,
                "outputs": outputs if several else outputs[0],
                "inputs": [{**item, "value": None} for item in entry["inputs"]],
                "state": [{**item, "value": None} for item in entry["state"]],
                "changedPropIds": changed,
            }
    raise AssertionError(f"no callback has the input {trigger}")
