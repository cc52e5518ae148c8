"""What an import did, in numbers; and what each fault code means, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cip.domain.erasure import ERASED_CODE
from cip.ingest.imports.plan import Plan


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken: a code of the event parser's, and the field at fault."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """`rows_read` = accepted + rejected + skipped rows of the file. Events: `added` to the history
    (or would be, in a dry run), `known` there already, `repeated` ids within the file."""

    import_id: str
    rows_read: int
    rows_accepted: int
    skipped: Mapping[str, int]
    rejected: Mapping[Fault, int]
    added: int
    known: int
    repeated: int
    rejected_file: Path | None = field(default=None)

    @property
    def rows_skipped(self) -> int:
        return sum(self.skipped.values())

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def importable(self) -> bool:
        """Whether the file holds any event that can be taken."""
        return self.added + self.known > 0


_MESSAGES: Final = {
    "missing": "This field is required.",
    "type": "Not a value of the kind this field needs.",
    "too_long": "Too many characters.",
    "invalid": "Not a value that this field can have.",
    "future": "More than 24 hours ahead.",
    "older_than_retention": "Older than the tenant keeps events.",
    "nested": "Properties are flat: a string, a number, true, false or null.",
    "too_large": "At most 32 KB an event.",
    "currency": "Another currency than the tenant's.",
    ERASED_CODE: "The customer was erased after this happened.",
    "record": "The line is not one record of the expected form.",
    "columns": "The row has another number of cells than the header.",
}
_FIELD_MESSAGES: Final = {
    ("type", "occurred_at"): "An ISO 8601 time of at most 64 characters.",
    ("invalid", "occurred_at"): "Not an ISO 8601 time, e.g. 2026-11-22T14:32:05Z.",
    ("invalid", "properties.amount_minor"): "Not an amount of zero or more.",
    ("invalid", "source_order"): "Not a whole number.",
    ("invalid", "properties.sender"): "One of customer, agent, bot.",
    ("invalid", "properties.rating"): "A whole number from 1 to 5.",
}
_PROPERTIES: Final = {
    "amount": "amount_minor",
    **{name: name for name in ("currency", "stage", "conversation_id")},
    **{name: name for name in ("sender", "rating", "action")},
}
_TEXTS: Final = frozenset({"type", "event_id", "customer_id", "channel"})
MALFORMED: Final = Fault("columns", "line", _MESSAGES["columns"])


def fault(text: str, plan: Plan) -> Fault:
    """The fault that the checks wrote as `code place`."""
    code, place = text.split(" ", 1)
    name = _field(place, plan)
    message = _FIELD_MESSAGES.get((code, name), _MESSAGES[code])
    if code == "invalid" and name in _TEXTS:
        message = "Only printable characters, without spaces at the ends."
    return Fault(code, name, message)


def _field(place: str, plan: Plan) -> str:
    if place in _PROPERTIES:
        return f"properties.{_PROPERTIES[place]}"
    if place[0] == "p" and place[1:].isdigit():
        return f"properties.{plan.properties[int(place[1:])].name}"
    return place
