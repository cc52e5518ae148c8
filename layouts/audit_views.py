"""Entries of an audit log as a table, as lines to search in, and as rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from cip.domain.audit import AuditEntry, AuditEvent
from cip.figures import format as fmt
from layouts.audit_words import SOURCES, action_words, change_lines
from layouts.rows import Row, RowCell, RowTable, row, row_table, text

_HEAD: Final = (
    ("When", "num when"),
    ("Who", "who clip"),
    ("What", "what"),
    ("Target", "clip"),
    ("Outcome", "outcome"),
    ("Before → after", "change"),
    ("Request", "request sub lo"),
)
_LOOKS: Final = {"ok": "good", "refused": "warn", "failed": "bad"}
_OUTCOMES: Final = {"ok": "Done", "refused": "Refused", "failed": "Failed"}
COLUMNS: Final = (
    "number", "at", "source", "subject", "action", "target", "outcome", "before", "after",
    "address", "request_id", "hash",
)  # fmt: skip


def audit_table(entries: Sequence[AuditEntry], zone: ZoneInfo) -> RowTable:
    rows = [_row(entry, zone) for entry in entries]
    return row_table(_HEAD, rows, caption="Audit log, newest first", look="stack audit dense")


def _row(entry: AuditEntry, zone: ZoneInfo) -> Row:
    event = entry.event
    local = event.at.astimezone(zone)
    cells: list[RowCell] = [
        text(
            f"{local.day} {local:%b}, {local:%H:%M:%S}",
            title=f"{fmt.day_and_time(event.at, zone)}, entry {entry.number}",
        ),
        text(event.subject, sub=_from(event), title=event.subject),
        text(action_words(event), title=event.action),
        text(event.target, title=event.target, label="Target"),
        text(_OUTCOMES[event.outcome], tag=_LOOKS[event.outcome]),
        {"text": "", "changes": change_lines(event)},
        text(event.request_id, mono=True, title=event.request_id, label="Request"),
    ]
    return row(str(entry.number), cells)


def _from(event: AuditEvent) -> str:
    return ", ".join(part for part in (SOURCES[event.source], event.address) if part)


def matches(entry: AuditEntry, wanted: str, zone: ZoneInfo) -> bool:
    """Whether the text stands anywhere in what is shown of the entry."""
    event = entry.event
    local = event.at.astimezone(zone)
    parts = (
        event.subject,
        _from(event),
        event.action,
        action_words(event),
        event.target,
        _OUTCOMES[event.outcome],
        event.request_id,
        f"{local:%Y-%m-%d} {local.day} {local:%b}, {local:%H:%M:%S}",
        *(part for line in change_lines(event) for part in line),
    )
    return wanted.casefold() in "\n".join(parts).casefold()


def file_row(entry: AuditEntry) -> list[str]:
    """In the order of `COLUMNS`; the instant in UTC."""
    event = entry.event
    lines = change_lines(event)
    return [
        str(entry.number),
        event.at.isoformat(),
        event.source,
        event.subject,
        event.action,
        event.target,
        event.outcome,
        "; ".join(f"{name}={before}" for name, before, _ in lines if before),
        "; ".join(f"{name}={after}" for name, _, after in lines),
        event.address,
        event.request_id,
        entry.hash,
    ]
