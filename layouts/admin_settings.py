"""The form of a tenant's settings."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.cards import card, secret_slot
from layouts.forms import choice_field, form, text_field

WEEK_STARTS: Final = MappingProxyType({"monday": "Monday", "sunday": "Sunday"})
# What can be set, and its label.
FIELDS: Final = MappingProxyType(
    {
        "name": "Name",
        "timezone": "Timezone",
        "currency": "Currency",
        "week_start": "Week begins on",
        "retention_days": "Retention in days",
    }
)


def settings_card() -> Component:
    panel = ids.ADMIN_SETTINGS
    fields = [
        text_field(
            panel, "name", FIELDS["name"], "Stands in the header, for everybody here", maxlength=120
        ),
        text_field(
            panel,
            "timezone",
            FIELDS["timezone"],
            "Days begin and end by it; type a city to search. It changes how figures are cut "
            "into days, not the events themselves.",
            choices=True,
        ),
        text_field(
            panel,
            "currency",
            FIELDS["currency"],
            "Three letters, such as EUR. Amounts are never converted: set it before the first "
            "purchase comes. Events in another currency are refused.",
            choices=True,
            maxlength=3,
        ),
        choice_field(panel, "week_start", FIELDS["week_start"], "For figures by week", WEEK_STARTS),
        text_field(
            panel,
            "retention_days",
            FIELDS["retention_days"],
            "Older events are refused when they arrive. Empty: events of any age are taken.",
            inputmode="numeric",
        ),
    ]
    return card(
        panel,
        "Settings",
        [
            form(panel, panel, "save", fields, submit="Save", glyph="check-lg"),
            html.Div(secret_slot(panel), hidden="hidden"),
        ],
        span=8,
        lead="They apply to everybody in this tenant",
    )
