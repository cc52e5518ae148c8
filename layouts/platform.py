"""The platform, for its super admins: tenants, how they compare, its own audit log. No data."""

from __future__ import annotations

from typing import Final

from dash import dcc, html
from dash.development.base_component import Component

from cip.domain.permissions import Permission
from layouts import ids
from layouts.audit_log import audit_card
from layouts.cards import area_stores, card, rows_slot, secret_slot
from layouts.forms import form, text_field
from layouts.page import Page
from layouts.tabs import Tab, tabs


def layout(search: str | None) -> list[Component]:
    tenants = Tab(
        "tenants",
        "Tenants",
        (ids.PLATFORM_TENANTS,),
        [
            html.Div([_tenants(), _new_tenant()], className="grid12"),
            *area_stores(ids.PLATFORM_TENANTS),
            dcc.Store(id=ids.form_data(ids.PLATFORM_NEW_TENANT)),
        ],
    )
    comparison = Tab(
        "comparison",
        "Comparison",
        (ids.PLATFORM_COMPARISON,),
        [html.Div([_comparison()], className="grid12")],
    )
    audit = Tab(
        "audit",
        "Audit log",
        (ids.PLATFORM_AUDIT,),
        [
            html.Div(
                [audit_card(ids.PLATFORM_AUDIT, "Audit log of the platform")], className="grid12"
            )
        ],
    )
    return tabs(ids.PLATFORM_TABS, "Parts of the platform", (tenants, comparison, audit), search)


def _tenants() -> Component:
    return card(
        ids.PLATFORM_TENANTS,
        "Tenants",
        [rows_slot(ids.PLATFORM_TENANTS, ids.PLATFORM_TENANTS)],
        span=8,
        flush=True,
    )


def _new_tenant() -> Component:
    panel = ids.PLATFORM_NEW_TENANT
    fields = [
        text_field(
            panel,
            "tenant",
            "Id",
            "In addresses and files, for ever: a-z, 0-9, - and _, 2 to 63 characters",
            maxlength=63,
        ),
        text_field(panel, "name", "Name", "Its people can change it", maxlength=120),
        text_field(
            panel,
            "currency",
            "Currency",
            "Three letters; EUR by default",
            maxlength=3,
            choices=True,
        ),
        text_field(panel, "timezone", "Timezone", "Type a city; UTC by default", choices=True),
    ]
    return card(
        panel,
        "Add a tenant",
        [
            form(
                panel,
                ids.PLATFORM_TENANTS,
                "create",
                fields,
                submit="Add the tenant",
                glyph="building-add",
            ),
            html.Div(secret_slot(ids.PLATFORM_TENANTS), hidden="hidden"),
        ],
        span=4,
        lead="Then invite its first administrator",
        reads=False,
    )


def _comparison() -> Component:
    return card(
        ids.PLATFORM_COMPARISON,
        "Tenants compared",
        [rows_slot(ids.PLATFORM_COMPARISON)],
        span=12,
        lead="Money in each tenant's own currency",
        flush=True,
    )


PAGE: Final = Page(
    path="/platform",
    title="Platform",
    lead="Which tenants there are, how they fare, and what was done to them.",
    icon="buildings",
    permission=Permission.TENANTS_MANAGE,
    layout=layout,
)
