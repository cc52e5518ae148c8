"""A person's account as data for the browser, and the words that stand beside a control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from cip.domain.permissions import Role
from cip.domain.sessions import Session
from cip.domain.tenants import TenantId
from cip.figures import format as fmt
from layouts.account_agents import glyph, words
from layouts.icons import icon
from layouts.tables import Cell, Table, cell, table

# Enough of a session's id to tell a person's own sessions apart, too little to find it by.
HANDLE_CHARACTERS: Final = 12
ROLES: Final = {
    Role.VIEWER: ("Viewer", "Sees every figure"),
    Role.ANALYST: ("Analyst", "Also exports, and manages segments"),
    Role.ADMIN: ("Administrator", "Also manages people, keys and settings"),
    Role.SUPER_ADMIN: ("Super admin", "Enters every organisation"),
}


def handle(session_id: str) -> str:
    return session_id[:HANDLE_CHARACTERS]


def session_rows(sessions: Sequence[Session], present: str, zone: ZoneInfo) -> dict[str, Any]:
    """What assets/account.js builds the table from: this browser first, then the last active."""
    ordered = sorted(
        sessions, key=lambda one: (one.id == present, one.seen_at, one.id), reverse=True
    )
    return {
        "others": sum(one.id != present for one in sessions),
        "rows": [_session_row(one, zone, mine=one.id == present) for one in ordered],
    }


def _session_row(session: Session, zone: ZoneInfo, *, mine: bool) -> dict[str, Any]:
    return {
        "handle": handle(session.id),
        "mine": mine,
        "browser": words(session.agent),
        "glyph": glyph(session.agent),
        "agent": session.agent,
        "address": session.address,
        "since": fmt.day_and_time(session.created_at, zone),
        "seen": f"{session.seen_at.timestamp():.0f}",
        "ends": fmt.day_and_time(session.ends_at, zone),
        "remember": session.remember,
    }


def membership_table(
    memberships: Sequence[tuple[TenantId, str, Role]], present: TenantId, *, super_admin: bool
) -> Table:
    rows = [
        _membership_row(cell(name, title=tenant), role, here=tenant == present)
        for tenant, name, role in memberships
    ]
    if super_admin:
        rows.append(_membership_row("The whole platform", Role.SUPER_ADMIN, here=False))
    head = [("Organisation", "id"), ("Now", "sub lo here"), ("Your role", "r sub")]
    return table(head, rows, caption="Your organisations, and your role in each", look="stack")


def _membership_row(name: Cell, role: Role, *, here: bool) -> list[Cell]:
    word, meaning = ROLES[role]
    return [name, "You are here" if here else "", cell(word, title=meaning)]


def said(text: str, *, good: bool = False) -> list[Component]:
    """An answer beside the control that it is about."""
    if not text:
        return []
    glyph_name = "check-circle" if good else "exclamation-circle"
    return [html.Span([icon(glyph_name), html.Span(text)], className="good" if good else "bad")]
