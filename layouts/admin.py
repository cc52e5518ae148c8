"""Administration of a tenant: people, keys, settings, audit log. Layout only, no data."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.admin_settings import settings_card
from layouts.audit_log import audit_card
from layouts.cards import area_stores, card, rows_slot, secret_slot
from layouts.forms import checks_field, choice_field, form, text_field
from layouts.page import Page
from layouts.tabs import Tab, tabs

ROLES: Final = MappingProxyType(
    {"viewer": "Viewer", "analyst": "Analyst", "admin": "Administrator"}
)
SCOPES: Final = MappingProxyType(
    {
        Permission.EVENTS_WRITE: ("Send events", "Add events of customers"),
        Permission.ANALYTICS_VIEW: ("Read figures", "Every insight, without personal fields"),
        Permission.ANALYTICS_EXPORT: ("Export figures", "Insights as CSV"),
        Permission.CUSTOMERS_READ: ("Read customers", "Names, addresses and messages too"),
    }
)


def layout(search: str | None) -> list[Component]:
    overview = Tab(
        "overview",
        "Overview",
        (ids.ADMIN_FIGURES, ids.ADMIN_ACTIVITY),
        [html.Div([_figures(), _activity(), _limits()], className="grid12")],
    )
    users = Tab(
        "users",
        "Users",
        (ids.ADMIN_USERS,),
        [html.Div([_people(), _invite()], className="grid12"), *area_stores(ids.ADMIN_USERS)],
    )
    keys = Tab(
        "keys",
        "API keys",
        (ids.ADMIN_KEYS,),
        [html.Div([_keys(), _new_key()], className="grid12"), *area_stores(ids.ADMIN_KEYS)],
    )
    settings = Tab(
        "settings",
        "Settings",
        (ids.ADMIN_SETTINGS,),
        [
            html.Div([settings_card()], className="grid12"),
            *area_stores(ids.ADMIN_SETTINGS),
            dcc.Store(id=ids.form_data(ids.ADMIN_SETTINGS)),
        ],
    )
    audit = Tab(
        "audit",
        "Audit log",
        (ids.ADMIN_AUDIT,),
        [html.Div([audit_card(ids.ADMIN_AUDIT, "Audit log")], className="grid12")],
    )
    shown = (overview, users, keys, settings, audit)
    return tabs(ids.ADMIN_TABS, "Parts of the administration", shown, search)


def _figures() -> Component:
    return card(
        ids.ADMIN_FIGURES,
        "In this tenant",
        [html.Div(id=ids.content(ids.ADMIN_FIGURES))],
        span=12,
        lead="What is in use now",
    )


def _activity() -> Component:
    return card(
        ids.ADMIN_ACTIVITY,
        "Events by day",
        [html.Div(id=ids.content(ids.ADMIN_ACTIVITY))],
        span=7,
        lead="Last 7 days",
    )


def _limits() -> Component:
    return card(
        ids.ADMIN_LIMITS,
        "Limits",
        [html.Div(id=ids.content(ids.ADMIN_LIMITS))],
        span=5,
        lead="As they are now",
        reads=False,
    )


def _people() -> Component:
    return card(
        ids.ADMIN_USERS,
        "People",
        [rows_slot(ids.ADMIN_USERS, ids.ADMIN_USERS)],
        span=8,
        flush=True,
    )


def _invite() -> Component:
    panel = ids.ADMIN_INVITE
    fields = [
        text_field(panel, "name", "Name", "As others read it", maxlength=120),
        text_field(
            panel,
            "username",
            "User name",
            "To sign in with: a-z, 0-9 and . _ @ + -, often the e-mail address",
            maxlength=120,
        ),
        choice_field(
            panel,
            "role",
            "Role",
            "Viewers look. Analysts also export, read customers and manage segments. "
            "Administrators also manage people, keys and settings.",
            ROLES,
        ),
    ]
    return card(
        panel,
        "Invite somebody",
        [
            form(
                panel,
                ids.ADMIN_USERS,
                "invite",
                fields,
                submit="Make the invitation",
                glyph="person-plus",
            ),
            secret_slot(ids.ADMIN_USERS),
        ],
        span=4,
        lead="They set their own password through a link",
        reads=False,
    )


def _keys() -> Component:
    return card(
        ids.ADMIN_KEYS,
        "API keys",
        [rows_slot(ids.ADMIN_KEYS, ids.ADMIN_KEYS)],
        span=8,
        flush=True,
    )


def _new_key() -> Component:
    panel = ids.ADMIN_NEW_KEY
    scopes = {scope.value: words for scope, words in SCOPES.items()}
    fields = [
        text_field(panel, "label", "Label", "What uses it, such as: shop backend", maxlength=120),
        checks_field(panel, "scopes", "Scopes", "What the key may do, and nothing else", scopes),
    ]
    return card(
        panel,
        "Make a key",
        [
            form(panel, ids.ADMIN_KEYS, "create", fields, submit="Make the key", glyph="key"),
            secret_slot(ids.ADMIN_KEYS),
        ],
        span=4,
        lead="For a program that sends events or reads figures",
        reads=False,
    )


PAGE: Final = Page(
    path="/admin",
    title="Administration",
    lead="Who may do what here, with which keys and settings, and what was done.",
    icon="sliders",
    permission=Permission.SETTINGS_MANAGE,
    layout=layout,
)
