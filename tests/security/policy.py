"""Who may do what, as the tests know it: a route, callback or page that is missing here fails.

The tables are written by hand on purpose. What exists is read from the application; what it may
need is said twice, there and here, so that neither can change alone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

from cip.domain.permissions import Permission

VIEW: Final = Permission.ANALYTICS_VIEW
EXPORT: Final = Permission.ANALYTICS_EXPORT
USERS: Final = Permission.USERS_MANAGE
KEYS: Final = Permission.KEYS_MANAGE
SETTINGS: Final = Permission.SETTINGS_MANAGE
ERASE: Final = Permission.CUSTOMERS_ERASE
AUDIT: Final = Permission.AUDIT_VIEW
LETTERS: Final = Permission.DEAD_LETTERS_MANAGE
PLATFORM: Final = Permission.TENANTS_MANAGE

# public: anybody. browser: whoever has signed in with one. program: that, a bearer token or a key.
# callback: as the callback that the body names. nobody: no such address, for whoever is known.
Need = Permission | Literal["public", "browser", "program", "callback", "nobody"]

ROUTES: Final = MappingProxyType[str, dict[str, Need]](
    {
        "/bootstrap/static/<path:filename>": {"GET": "public"},
        "/assets/<path:filename>": {"GET": "public"},
        "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": {
            "GET": "public"
        },
        "/_favicon.ico": {"GET": "public"},
        "/login": {"GET": "public", "POST": "public"},
        "/join": {"GET": "public", "POST": "public"},
        "/healthz": {"GET": "public"},
        "/readyz": {"GET": "public"},
        "/metrics": {"GET": "public"},
        "/api/v1/auth/token": {"POST": "public"},
        "/api/v1/auth/refresh": {"POST": "public"},
        "/api/v1/openapi.json": {"GET": "public"},
        "/api/docs": {"GET": "public"},
        "/api/docs/<path:name>": {"GET": "public"},
        "/_dash-layout": {"GET": "browser"},
        "/_dash-dependencies": {"GET": "browser"},
        "/": {"GET": "browser"},
        "/logout": {"POST": "browser"},
        "/_dash-update-component": {"POST": "callback"},
        "/<path:path>": {"GET": "nobody"},
        "/_reload-hash": {"GET": "nobody"},
        "/api/v1/auth/logout": {"POST": "program"},
        "/api/v1/events": {"POST": Permission.EVENTS_WRITE},
        "/api/v1/customers/<anything:customer_id>": {"DELETE": ERASE},
        "/api/v1/erasures/<erasure_id>": {"GET": ERASE},
        "/api/v1/insights": {"GET": VIEW},
        "/api/v1/insights/<slug>": {"POST": VIEW},
    }
)

PAGES: Final = MappingProxyType[str, Permission](
    {
        "/": VIEW,
        "/segments": VIEW,
        "/health": LETTERS,
        "/account": VIEW,
        "/admin": SETTINGS,
        "/platform": PLATFORM,
    }
)

# By what names a callback in short: see `bodies.short_name`.
CALLBACKS: Final = MappingProxyType[str, Permission](
    {
        "page-content.children": VIEW,
        "pulse.data": VIEW,
        "kpis-data.data": VIEW,
        "events-by-type-figure.data": VIEW,
        "revenue-figure.data": VIEW,
        "channel-mix-content.children": VIEW,
        "newest-events-table-data.data": VIEW,
        "segment-kpis-data.data": VIEW,
        "rfm-grid-figure.data": VIEW,
        "all-segments-table-data.data": VIEW,
        "kpis-download.data": EXPORT,
        "events-by-type-download.data": EXPORT,
        "channel-mix-download.data": EXPORT,
        "revenue-download.data": EXPORT,
        "rfm-grid-download.data": EXPORT,
        "all-segments-download.data": EXPORT,
        "profile-name.value": VIEW,
        "profile-name-said.children": VIEW,
        "password-old-said.children": VIEW,
        "sessions-table-data.data": VIEW,
        "sessions-ended.data": VIEW,
        "tenants-data.data": VIEW,
        "tenant-entered.data": VIEW,
        "event-flow-content.children": LETTERS,
        "event-groups-table-data.data": LETTERS,
        "letter-reasons-table-data.data": LETTERS,
        "letter-reasons-answer.data": LETTERS,
        "letters-table-data.data": LETTERS,
        "letters-download.data": LETTERS,
        "letter-form-data.data": LETTERS,
        "admin-figures-content.children": SETTINGS,
        "admin-activity-content.children": SETTINGS,
        "admin-users-table-data.data": USERS,
        "admin-users-answer.data": USERS,
        "admin-keys-table-data.data": KEYS,
        "admin-keys-answer.data": KEYS,
        "admin-settings-form-data.data": SETTINGS,
        "admin-settings-answer.data": SETTINGS,
        "admin-audit-table-data.data": AUDIT,
        "admin-audit-verified.children": AUDIT,
        "admin-audit-download.data": AUDIT,
        "platform-tenants-table-data.data": PLATFORM,
        "platform-tenants-answer.data": PLATFORM,
        "platform-comparison-table-data.data": PLATFORM,
        "platform-audit-table-data.data": PLATFORM,
        "platform-audit-verified.children": PLATFORM,
        "platform-audit-download.data": PLATFORM,
    }
)

# What a stranger may ask for, in the guard's own words: it only ever grows by a decision.
PUBLIC_PATHS: Final = (
    "/_favicon.ico",
    "/api/docs",
    "/api/v1/auth/refresh",
    "/api/v1/auth/token",
    "/api/v1/openapi.json",
    "/healthz",
    "/join",
    "/login",
    "/metrics",
    "/readyz",
)
PUBLIC_PREFIXES: Final = (
    "/assets/",
    "/_dash-component-suites/",
    "/bootstrap/static/",
    "/api/docs/",
)

# Routes that know only what there is: whoever may ask is told that there is no such thing.
BY_ID: Final = frozenset({"/api/v1/erasures/<erasure_id>"})

# What a public address says to whoever comes with nothing: no password, no code, no worker there.
OWN_ANSWERS: Final = MappingProxyType[tuple[str, str], tuple[int, ...]](
    {
        ("POST", "/login"): (401,),
        ("POST", "/join"): (401, 422),
        ("POST", "/api/v1/auth/token"): (422,),
        ("POST", "/api/v1/auth/refresh"): (422,),
        ("GET", "/readyz"): (503,),
        ("GET", "/metrics"): (404,),  # no CIP_METRICS_TOKEN is set
    }
)
