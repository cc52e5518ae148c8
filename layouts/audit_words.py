"""What the audit log's actions mean, in plain words."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cip.domain.audit import AuditEvent, Scalar

_WORDS: Final = MappingProxyType(
    {
        "audit.exported": "Exported the audit log",
        "dead_letter.discarded": "Discarded a dead letter",
        "dead_letter.discarded_all": "Discarded dead letters",
        "dead_letter.exported": "Exported the list of dead letters",
        "dead_letter.replayed": "Replayed a dead letter",
        "dead_letter.replayed_all": "Replayed dead letters",
        "insight.exported": "Exported figures",
        "invitation.accepted": "Accepted an invitation",
        "key.created": "Made an API key",
        "key.revoked": "Revoked an API key",
        "login.accepted": "Signed in",
        "login.refused": "Was refused to sign in",
        "password.changed": "Changed a password",
        "permission.refused": "Was refused an action",
        "session.ended": "Ended a session",
        "session.ended_others": "Ended all other sessions",
        "session.signed_out": "Signed out",
        "settings.changed": "Changed settings",
        "tenant.created": "Added a tenant",
        "tenant.deleted": "Deleted a tenant",
        "tenant.entered": "Entered a tenant",
        "tenant.resumed": "Resumed a tenant",
        "tenant.suspended": "Suspended a tenant",
        "token.reused": "Used a refresh token twice",
        "token.revoked": "Revoked a token",
        "user.created": "Added a person",
        "user.disabled": "Disabled a person",
        "user.enabled": "Enabled a person",
        "user.invited": "Invited a person",
        "user.removed": "Removed a person",
        "user.renamed": "Changed a name",
        "user.role_changed": "Changed a role",
        "user.signed_out": "Signed a person out everywhere",
    }
)
SOURCES: Final = MappingProxyType(
    {"web": "browser", "api": "API", "cli": "command line", "system": "system"}
)


def action_words(event: AuditEvent) -> str:
    """An action that has no words yet is shown by its name."""
    return _WORDS.get(event.action) or event.action.replace(".", " ").replace("_", " ")


def change_lines(event: AuditEvent) -> list[list[str]]:
    """Name, before, after of each value; before is empty where none is on record."""
    before, after = event.before or {}, event.after or {}
    names = dict.fromkeys([*before, *after])
    return [
        [
            name.replace("_", " "),
            _value(before[name]) if name in before else "",
            _value(after[name]) if name in after else "gone",
        ]
        for name in names
    ]


def _value(value: Scalar) -> str:
    return "none" if value is None else str(value)
