"""People and keys as tables with controls in their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from cip.domain.permissions import Permission
from cip.figures import format as fmt
from cip.services.keys import KeyRow
from cip.services.people import Invited, Person
from layouts.admin import ROLES, SCOPES
from layouts.rows import Row, RowCell, RowTable, item, menu, question, row, row_table, select, text


def people_table(people: Sequence[Person], *, oneself: str, zone: ZoneInfo) -> RowTable:
    head = [
        ("Name", "who clip"),
        ("Role", "role"),
        ("State", ""),
        ("Added", "num sub lo"),
        ("Actions", "acts"),
    ]
    rows = [_person_row(one, mine=one.username == oneself, zone=zone) for one in people]
    return row_table(head, rows, caption="People of this tenant", look="stack people")


def _person_row(person: Person, *, mine: bool, zone: ZoneInfo) -> Row:
    role = select(
        "role",
        person.role.value,
        ROLES,
        action="role",
        label=f"Role of {person.username}",
    )
    tags = [["You", ""]] if mine else []
    return row(
        person.username,
        [
            text(
                person.name,
                sub=person.username if person.username != person.name else "",
                tags=tags,
                title=person.name,
            ),
            text(ROLES[person.role.value]) if mine else role,
            _person_state(person),
            text(fmt.day(person.created_at, zone), label="Added"),
            "" if mine else menu(f"Actions for {person.username}", _person_acts(person)),
        ],
        dim=person.disabled,
    )


def _person_state(person: Person) -> RowCell:
    if person.disabled:
        return text("Disabled", tag="bad")
    if person.invited:
        return text("Invited", tag="warn")
    return text("Active", tag="good")


def _person_acts(person: Person) -> list[dict[str, Any]]:
    name = person.username
    renew = item("New invitation link", "link-45deg", "renew")
    sign_out = item(
        "Sign out everywhere",
        "box-arrow-right",
        "sign_out",
        confirm=question(
            f"Sign {name} out everywhere?",
            "Each browser and program of theirs in this tenant has to sign in again.",
            "Sign out",
        ),
    )
    switch = (
        item("Enable", "person-check", "enable")
        if person.disabled
        else item("Disable", "person-slash", "disable")
    )
    remove = item(
        "Remove from tenant",
        "person-x",
        "remove",
        danger=True,
        confirm=question(
            f"Remove {name}?",
            "They lose this tenant at once. What they did stays in the audit log. To come back "
            "they need a new invitation.",
            "Remove",
        ),
    )
    first = renew if person.invited else sign_out
    return [switch, remove] if person.disabled else [first, switch, remove]


def invitation_secret(invited: Invited, zone: ZoneInfo) -> dict[str, str]:
    """The link, which the browser completes with its own address."""
    until = fmt.day_and_time(invited.expires_at, zone) if invited.expires_at else ""
    return {
        "title": f"Link for {invited.username}",
        "path": "/join#",
        "value": invited.code or "",
        "note": "Shown once: copy it now and send it to them. It works once, for 7 days, "
        f"until {until}.",
    }


def keys_table(keys: Sequence[KeyRow], zone: ZoneInfo) -> RowTable:
    head = [
        ("Label", "who clip"),
        ("Scopes", "scopes"),
        ("Last used", "num lo"),
        ("Created", "num sub lo"),
        ("Actions", "acts"),
    ]
    rows = [_key_row(key, zone) for key in sorted(keys, key=lambda key: key.revoked)]
    return row_table(head, rows, caption="API keys of this tenant", look="stack keys")


def _key_row(key: KeyRow, zone: ZoneInfo) -> Row:
    by = f" by {key.created_by}" if key.created_by else ""
    return row(
        key.key_id,
        [
            text(key.label, sub=key.key_id, title=key.label),
            {"text": "", "tags": [[_scope(scope), ""] for scope in key.scopes]},
            _used(key, zone),
            text(fmt.day(key.created_at, zone), sub=by.strip(), label="Created"),
            text("Revoked", tag="bad") if key.revoked else _revoke(key),
        ],
        dim=key.revoked,
    )


def _scope(scope: Permission) -> str:
    return SCOPES[scope][0] if scope in SCOPES else scope.value


def _used(key: KeyRow, zone: ZoneInfo) -> RowCell:
    if key.last_used_at is None:
        return text("Never", label="Last used")
    exact = fmt.day_and_time(key.last_used_at, zone)
    return text(exact, age=f"{key.last_used_at.timestamp():.0f}", title=exact, label="Last used")


def _revoke(key: KeyRow) -> RowCell:
    confirm = question(
        f"Revoke the key {key.label}?",
        "Programs that use it are refused from now on. This cannot be undone.",
        "Revoke",
    )
    return {"button": item("Revoke", "", "revoke", confirm=confirm)}
