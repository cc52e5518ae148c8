"""The frame around every page: static, the same bytes for everyone, without data or user."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.account import PAGE as ACCOUNT
from layouts.attributes import attrs
from layouts.components import item, popover
from layouts.icons import icon
from layouts.page import Page
from layouts.pages import PAGES

INTERVALS: Final = MappingProxyType(
    {0: "Off", 5: "5 s", 15: "15 s", 30: "30 s", 60: "1 min", 300: "5 min"}
)


def shell(refresh_seconds: int = 30) -> Component:
    """The layout of the app. `refresh_seconds` is the interval until a user chooses one."""
    chosen = refresh_seconds if refresh_seconds in INTERVALS else 30
    return html.Div(
        [
            html.A("Skip to content", href="#page-content", className="skip"),
            html.Div(id=ids.BANNER, role="status"),
            html.Div(
                [
                    _sidebar(),
                    html.Div(className="scrim", **attrs({"data-action": "close-drawer"})),
                    html.Div([_header(chosen), html.Main(id=ids.CONTENT, className="page")]),
                ],
                className="app",
            ),
            dcc.Location(id=ids.URL, refresh="callback-nav"),
            dcc.Interval(id=ids.TICK, interval=chosen * 1000 or 30_000, disabled=chosen == 0),
            dcc.Store(id=ids.VERSION),
            dcc.Store(id=ids.PULSE),
            dcc.Store(id=ids.NUDGE),
            dcc.Store(id=ids.THEME),
        ]
    )


def _links() -> list[Component]:
    # Which one is open is marked in the browser (assets/shell.js): the shell is the same for all.
    shown = [page for page in PAGES.values() if page is not ACCOUNT]  # the header leads there
    return [
        *(_link(page) for page in shown if page.permission is Permission.ANALYTICS_VIEW),
        # Shown to those who may (assets/75-admin.css, by the pulse); the guard decides.
        html.Span("Manage", className="nav-label"),
        *(_link(page) for page in shown if page.permission is not Permission.ANALYTICS_VIEW),
    ]


def _link(page: Page) -> Component:
    return dcc.Link([icon(page.icon), page.title], href=page.path)


def _sidebar() -> Component:
    mark = html.Span(icon("broadcast-pin"), className="brand-mark")
    return html.Aside(
        [
            dcc.Link([mark, "Customer Intelligence"], href="/", className="brand"),
            html.Nav(_links(), **attrs({"aria-label": "Insights"})),
        ],
        className="side",
        id="sidebar",
    )


def _header(chosen: int) -> Component:
    return html.Div(
        [
            html.Button(
                icon("list"),
                type="button",
                className="button icon ghost narrow-only",
                **attrs(
                    {
                        "data-action": "drawer",
                        "data-drawer-name": "nav",
                        "aria-label": "Menu",
                        "aria-expanded": "false",
                    }
                ),
            ),
            _tenant(),
            html.Span(className="grow"),
            html.Span(id=ids.BADGE, className="status", **attrs({"data-state": "waiting"})),
            _refresh(chosen),
            html.Button(
                icon("moon"),
                type="button",
                className="button icon wide-only",
                **attrs({"data-action": "theme", "aria-label": "Switch between light and dark"}),
            ),
            _account(),
        ],
        className="top",
        role="banner",
    )


def _tenant() -> Component:
    """Whose figures these are, and the way to another's where there is one (assets/tenants.js)."""
    switch = html.Button(
        icon("chevron-down", "caret"),
        id=ids.TENANT_SWITCH,
        type="button",
        hidden=True,
        **attrs(
            {
                "aria-label": "Switch organisation",
                "aria-haspopup": "menu",
                "aria-expanded": "false",
                "aria-controls": ids.TENANT_MENU,
            }
        ),
    )
    return html.Div(
        [
            html.Div(id=ids.TENANT, className="tenant"),
            switch,
            html.Div(id=ids.TENANT_MENU, className="menu", hidden=True),
            dcc.Store(id=ids.TENANTS),
            dcc.Store(id=ids.TENANTS_ASKED),
            dcc.Store(id=ids.TENANT_CHOSEN),
            dcc.Store(id=ids.TENANT_ENTERED),
        ],
        className="switcher",
    )


def _refresh(chosen: int) -> Component:
    options = [{"value": seconds, "label": text} for seconds, text in INTERVALS.items()]
    every = dbc.RadioItems(
        id=ids.REFRESH_EVERY,
        options=options,
        value=chosen,
        persistence=True,
        persistence_type="local",
        className="choices",
    )
    return html.Div(
        [
            html.Button(
                icon("arrow-clockwise"),
                id=ids.REFRESH,
                type="button",
                n_clicks=0,
                className="button icon",
                **attrs({"aria-label": "Refresh now"}),
            ),
            popover(
                [
                    html.Span(id=ids.REFRESH_LABEL, className="wide-only num"),
                    icon("chevron-down", "caret"),
                ],
                html.Div([html.Div("Refresh every", className="who"), every], className="menu"),
                label="Refresh interval",
                face="button every",
                end=True,
            ),
        ],
        className="group",
    )


def _account() -> Component:
    # A form, because leaving is a change of state, which no link may cause.
    leave = html.Form(
        html.Button(
            [icon("box-arrow-right"), html.Span("Log out")],
            type="submit",
            className="item",
            id="log-out",
        ),
        action="/logout",
        method="POST",
        id="logout-form",
    )
    menu = html.Div(
        [
            html.Div(id=ids.ACCOUNT, className="who"),
            html.Hr(),
            dcc.Link(
                [icon("person"), html.Span("Profile and password")],
                href="/account",
                className="item",
            ),
            dcc.Link(
                [icon("laptop"), html.Span("Where you are signed in")],
                href="/account#sessions",
                className="item",
            ),
            item("Light or dark", "circle-half", action="theme"),
            leave,
        ],
        className="menu",
    )
    return popover([icon("person")], menu, label="Account menu", face="avatar", end=True)
