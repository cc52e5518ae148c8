"""The composition root: `create_app(settings)` wires everything; `server` is for gunicorn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
from dash import Dash
from flask_bootstrap import Bootstrap5

import callbacks
import layouts
from cip import logs, settings
from cip.auth.keyring import KeyRing
from cip.domain.backpressure import Limits
from cip.domain.events import MAX_REQUEST_BYTES
from cip.services import Services, make_services
from cip.services.accounts import DEMO_USERS
from cip.settings import Settings
from cip.web import account, bodies, errors, health, joining, metrics, unread
from cip.web.api import Api
from cip.web.dash_callbacks import CallbackGroup
from cip.web.guard import Guard
from cip.web.headers import Headers
from cip.web.identity import CSRF_HEADER, Identity
from cip.web.proxies import TrustedProxies
from cip.web.reading import Request
from cip.web.requests import origin
from layouts.document import STYLESHEETS, index_page

ROOT = Path(__file__).parent


def create_app(config: Settings, services: Services | None = None) -> Dash:
    """The application. Several may live in one process: nothing is registered globally."""
    keys = KeyRing(config.secret_key, config.previous_secret_key)
    services = services or make_services(
        config.redis_url,
        config.broker_url,
        cache_ttl_seconds=config.cache_ttl_seconds,
        origin=origin,
        keys=keys,
        limits=Limits(
            lag_events=config.max_lag_events,
            free_disk_bytes=config.min_free_disk_mb * 1024**2,
        ),
    )
    identity = Identity(services, keys, secure=config.production)
    server = _server()
    app = Dash(
        __name__,
        server=server,  # type: ignore[arg-type]
        title="Customer Intelligence",
        update_title=None,  # type: ignore[arg-type]
        assets_folder=str(ROOT / "assets"),
        suppress_callback_exceptions=True,  # else a validation layout leaks into every index page
        enable_mcp=False,
        serve_locally=True,
        csrf_token_name=identity.csrf_cookie,
        csrf_header_name=CSRF_HEADER,
        external_stylesheets=[f"/bootstrap/static/{sheet}" for sheet in STYLESHEETS],
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.index_string = index_page(app.get_asset_url("theme.js"), app.get_asset_url("favicon.svg"))
    app.layout = layouts.shell(refresh_seconds=config.refresh_seconds)
    group = CallbackGroup(app)
    callbacks.register(group, services)
    _install(app, config, services, group, identity)
    return app


class _Server(flask.Flask):
    request_class = Request

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view or hook is a coroutine, which Flask would look for several times a request."""
        return func


def _server() -> flask.Flask:
    server = _Server("cip.web", static_folder=None, static_url_path="/static")
    server.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    bodies.install(server)
    unread.install(server)
    Bootstrap5(server)
    return server


def _install(
    app: Dash, config: Settings, services: Services, group: CallbackGroup, identity: Identity
) -> None:
    server: Any = app.server
    identity.install(server)
    api = Api(services, requests_per_minute=config.rate_limit_requests)
    server.register_blueprint(api.blueprint)
    server.register_blueprint(account.blueprint(identity, demo_logins=_demo_logins(config)))
    server.register_blueprint(joining.blueprint(services))
    server.register_blueprint(health.blueprint(services))
    server.register_blueprint(metrics.blueprint(services.event_flow, config.metrics_token))
    guard = Guard(
        services,
        identity,
        pages=layouts.PAGES,
        callbacks=group.permissions,
        api=api.permissions,
        away=group.away,
        callback_map=app.callback_map,
        ticks=layouts.TICKS,
    )
    server.extensions["cip_guard"] = guard
    server.before_request(guard.check)
    errors.install(server, guard.refused)
    server.wsgi_app = TrustedProxies(
        Headers(server.wsgi_app, list(app.csp_hashes()), secure=config.production),
        config.trusted_proxies,
    )


def _demo_logins(config: Settings) -> list[tuple[str, str, str]]:
    if not config.demo:
        return []
    return [
        (name, f"{name}123", "super admin of the platform" if root else f"{role} of {tenant}")
        for name, tenant, role, root in DEMO_USERS
    ]


def __getattr__(name: str) -> Any:
    """`server` is made when gunicorn asks for it, so that importing this module does nothing."""
    if name != "server":
        raise AttributeError(name)
    config = settings.load()
    logs.configure("web")
    return create_app(config).server
