"""Tenants as tables: what is done to them, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from cip.domain.tenants import TenantId
from cip.figures import format as fmt
from cip.services.tenancy import TenantRow
from cip.services.tenant_figures import TenantFigures
from layouts.rows import Row, RowCell, RowTable, item, menu, question, row, row_table, text

_COMPUTING = text("computing", tag="", title="Still being computed: it appears here by itself")


def tenants_table(tenants: Sequence[TenantRow], *, here: TenantId, zone: ZoneInfo) -> RowTable:
    head = [
        ("Name", "who clip"),
        ("State", ""),
        ("People", "r"),
        ("Added", "num sub lo"),
        ("Actions", "acts"),
    ]
    rows = [_tenant_row(tenant, here, zone) for tenant in tenants]
    return row_table(head, rows, caption="Tenants of the platform", look="stack tenants")


def _tenant_row(tenant: TenantRow, here: TenantId, zone: ZoneInfo) -> Row:
    tags = [["You are here", ""]] if tenant.id == here else []
    return row(
        tenant.id,
        [
            text(tenant.name, sub=tenant.id, tags=tags, title=tenant.name),
            state(suspended=tenant.suspended),
            text(fmt.exact(tenant.people), label="People"),
            text(fmt.day(tenant.created_at, zone), label="Added"),
            menu(f"Actions for {tenant.id}", _acts(tenant)),
        ],
        dim=tenant.suspended,
    )


def state(*, suspended: bool) -> RowCell:
    return text("Suspended", tag="warn") if suspended else text("Active", tag="good")


def _acts(tenant: TenantRow) -> list[dict[str, Any]]:
    if not tenant.suspended:
        return [item("Suspend", "pause-circle", "suspend")]
    delete = item(
        "Delete",
        "trash",
        "delete",
        danger=True,
        confirm=question(
            f"Delete {tenant.name}?",
            "All its events, figures, keys and memberships are deleted for good. The audit log of "
            "the platform keeps that it was done.",
            "Delete for good",
            type_=tenant.id,
        ),
    )
    return [item("Resume", "play-circle", "resume"), delete]


def comparison_table(figures: Sequence[TenantFigures]) -> RowTable:
    head = [
        ("Tenant", "who clip"),
        ("State", ""),
        ("Active customers", "r"),
        ("Revenue", "r"),
        ("Events", "r"),
        ("Errors", "r"),
    ]
    rows = [_figures_row(one) for one in figures]
    return row_table(head, rows, caption="Tenants compared, last 30 days", look="stack comparison")


def _figures_row(one: TenantFigures) -> Row:
    errors = text(fmt.count(one.errors), title=fmt.exact(one.errors), label="Errors")
    return row(
        one.tenant,
        [
            text(one.name, sub=one.tenant, title=one.name),
            state(suspended=one.suspended),
            _count(one.customers, "Active customers"),
            _money(one),
            _count(one.events, "Events"),
            errors,
        ],
        dim=one.suspended,
    )


def _count(value: int | None, label: str) -> RowCell:
    if value is None:
        return _COMPUTING
    return text(fmt.count(value), title=fmt.exact(value), label=label)


def _money(one: TenantFigures) -> RowCell:
    if one.revenue_minor is None:
        return _COMPUTING
    exact = fmt.money_exact(one.revenue_minor, one.currency)
    return text(fmt.money(one.revenue_minor, one.currency), title=exact, label="Revenue")


def waiting(figures: Sequence[TenantFigures]) -> int:
    """Of how many tenants figures are still being computed."""
    return sum(None in (one.customers, one.revenue_minor, one.events) for one in figures)
