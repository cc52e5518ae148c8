"""Several applications live in one process, and each is whole."""

from __future__ import annotations

from pathlib import Path

from cip.settings import Settings
from wsgi import create_app


def test_a_second_application_exposes_the_same_callbacks(redis_url: str, tmp_path: Path) -> None:
    settings = Settings.from_env({"CIP_REDIS_URL": redis_url, "CIP_HOME": str(tmp_path)})
    first, second = create_app(settings), create_app(settings)
    # Dash fills the map when the first request comes.
    for app in (first, second):
        app.server.test_client().get("/healthz")
    assert len(first.callback_map) > 5
    assert list(first.callback_map) == list(second.callback_map)
    routes = [
        sorted((rule.rule, rule.endpoint) for rule in app.server.url_map.iter_rules())
        for app in (first, second)
    ]
    assert routes[0] == routes[1]
