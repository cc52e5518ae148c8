"""Account: who one is here, the password, where one is signed in. Layout only, no data."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.attributes import attrs
from layouts.components import popover, table_slot
from layouts.icons import icon
from layouts.page import Page
from layouts.states import skeleton

RULE: Final = "12 to 128 characters. Any characters, spaces too: several words are a good choice."
_INTERVALS: Final = MappingProxyType(
    {0: "Off", 5: "5 s", 15: "15 s", 30: "30 s", 60: "1 min", 300: "5 min"}
)
_THEMES: Final = MappingProxyType({"system": "As the system", "light": "Light", "dark": "Dark"})


def layout(_search: str | None) -> list[Component]:
    return [
        html.Div(
            [_profile(), _password(), _sessions(), _preferences()], className="grid12 account"
        ),
        dcc.Store(id=ids.CREDENTIAL_CHANGED),
        dcc.Store(id=ids.SESSION_ENDING),
        dcc.Store(id=ids.SESSIONS_ENDED),
    ]


def _profile() -> Component:
    name = dbc.Input(id=ids.PROFILE_NAME, maxlength=120, required=True, autocomplete="name")
    form = dbc.Form(
        html.Div(
            [
                _field(ids.PROFILE_NAME, "Your name", name),
                html.Button("Save", type="submit", className="button", id="profile-save"),
            ],
            className="line",
        ),
        id=ids.PROFILE_FORM,
    )
    facts = html.Dl(
        [
            html.Dt("User name"),
            html.Dd(id=ids.PROFILE_USERNAME, className="strong"),
        ],
        className="facts",
    )
    return _card(
        ids.PROFILE,
        "Profile",
        "What others see of you",
        [form, facts, html.H3("Your organisations"), table_slot(ids.PROFILE)],
        span=6,
    )


def _password() -> Component:
    # The user name is for password managers alone, which else save the password for nobody.
    username = dbc.Input(
        id=ids.CREDENTIAL_USERNAME, autocomplete="username", readonly=True, className="sr-only",
        tabindex="-1",
    )  # fmt: skip
    rule = html.Ul(
        [
            html.Li([icon("circle"), RULE], **attrs({"data-rule": "length"})),
            html.Li([icon("circle"), "The same in both fields"], **attrs({"data-rule": "same"})),
        ],
        id="password-rules",
        className="rules",
    )
    form = dbc.Form(
        [
            html.Label("User name", htmlFor=ids.CREDENTIAL_USERNAME, className="sr-only"),
            username,
            _secret(ids.CREDENTIAL_OLD, "Present password", "current-password"),
            _secret(ids.CREDENTIAL_NEW, "New password", "new-password"),
            _secret(ids.CREDENTIAL_AGAIN, "New password again", "new-password"),
            rule,
            html.Div(
                [
                    html.Button(
                        "Change password",
                        type="submit",
                        className="button primary",
                        id="password-save",
                    ),
                    _said(ids.CREDENTIAL),
                ],
                className="acts",
            ),
        ],
        id=ids.CREDENTIAL_FORM,
        class_name="stacked",
    )
    lead = "Changing it signs you out of every other browser"
    return _card(ids.CREDENTIAL, "Password", lead, [form], span=6, loads=False)


def _sessions() -> Component:
    confirm = html.Div(
        [
            html.B("Sign out everywhere else?", className="strong"),
            html.P(id=ids.SESSIONS_OTHERS),
            html.Button(
                "Sign out all others",
                type="button",
                id=ids.SESSIONS_END_OTHERS,
                className="button item-like",
            ),
        ],
        className="menu text",
    )
    others = popover(
        [icon("box-arrow-right"), html.Span("Sign out all others")],
        confirm,
        label="Sign out all others",
        face="button sm",
        end=True,
        id="sessions-all",
        className="idle",
    )
    table = html.Div(id=ids.table(ids.SESSIONS), className="sessions-holder")
    return _card(
        ids.SESSIONS,
        "Where you are signed in",
        "Sign out what you do not know, then change your password",
        [table, dcc.Store(id=ids.table_data(ids.SESSIONS))],
        span=12,
        tools=[_said(ids.SESSIONS), others],
        flush=True,
    )


def _preferences() -> Component:
    rows = [
        ("Theme", "Kept in this browser", ids.PREFERRED_THEME, "theme", _THEMES),
        (
            "Refresh figures every",
            "The same choice as in the header, kept in this browser",
            ids.PREFERRED_REFRESH,
            "refresh",
            {str(seconds): text for seconds, text in _INTERVALS.items()},
        ),
    ]
    body = [
        html.Div(
            [
                html.Div([html.B(title, id=f"{control}-title"), html.P(hint)], className="grow"),
                _choice(control, name, options),
            ],
            className="preference",
        )
        for title, hint, control, name, options in rows
    ]
    return _card(ids.PREFERENCES, "Preferences", "They change at once", body, span=12, loads=False)


def _choice(control: str, name: str, options: Any) -> Component:
    """Plain buttons: assets/account.js passes each on to the control that is meant."""
    buttons = [
        html.Button(
            text,
            type="button",
            role="radio",
            **attrs({"data-prefer": name, "data-value": value, "aria-checked": "false"}),
        )
        for value, text in options.items()
    ]
    return html.Div(
        buttons,
        id=control,
        className="choice",
        role="radiogroup",
        **attrs({"aria-labelledby": f"{control}-title"}),
    )


def _field(control: str, title: str, field: Component) -> Component:
    return html.Div(
        [html.Label(title, htmlFor=control, className="field"), field, _said(control)],
        className="entry",
    )


def _secret(control: str, title: str, known_as: str) -> Component:
    field = dbc.Input(
        id=control, type="password", autocomplete=known_as, maxlength=512, required=True
    )
    show = html.Button(
        icon("eye"),
        type="button",
        className="reveal",
        **attrs({"data-reveal": control, "aria-label": f"Show {title.lower()}"}),
    )
    return _field(control, title, html.Div([field, show], className="peek"))


def _said(control: str) -> Component:
    return html.Div(id=ids.said(control), className="said", role="status")


def _card(
    name: str,
    title: str,
    lead: str,
    body: Sequence[Component],
    *,
    span: int,
    tools: Sequence[Component] = (),
    flush: bool = False,
    loads: bool = True,
) -> Component:
    """A card like a panel's. `loads`: it stands as a skeleton until its callback has answered."""
    state: Any = skeleton("rows", pending=True) if loads else []
    return html.Section(
        [
            html.Header(
                [
                    html.Div([html.H2(title), html.P(lead)], className="grow"),
                    html.Div(list(tools), className="tools"),
                ]
            ),
            html.Div(
                [
                    html.Div(state, id=ids.state(name), className="statebox"),
                    html.Div(list(body), className="content"),
                ],
                className="body flush" if flush else "body",
            ),
            dcc.Store(id=ids.drawn(name)),
        ],
        id=name,
        className=f"panel c{span}",
        **attrs({"aria-label": title}),
    )


PAGE: Final = Page(
    path="/account",
    title="Your account",
    lead="Who you are here, your password, and where you are signed in.",
    icon="person",
    permission=Permission.ANALYTICS_VIEW,
    layout=layout,
)
