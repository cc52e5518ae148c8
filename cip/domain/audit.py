"""Audit events: who did what to whom, from where, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Outcome = Literal["ok", "refused", "failed"]
Source = Literal["web", "api", "cli", "system"]

MAX_FIELDS: Final = 32
_MAX_NAME: Final = 64
_MAX_TEXT: Final = 256


def bounded(text: str, limit: int = _MAX_TEXT) -> str:
    """The text as a log can hold it: cut, and without a character that is not printed.

    It is never refused, since a name of a megabyte must not keep its own refusal out of the log.
    What comes out stays as it is when it goes in again.
    """
    kept = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[: limit + 1]
    )
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _name(text: str) -> str:
    return bounded(text, _MAX_NAME)


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Text = Annotated[str, AfterValidator(bounded)]
Name = Annotated[str, AfterValidator(_name)]
Scalar = Text | int | Annotated[float, Field(allow_inf_nan=False)] | bool | None


def _fewer(values: dict[str, Scalar] | None) -> dict[str, Scalar] | None:
    return None if values is None else dict(list(values.items())[:MAX_FIELDS])


Values = Annotated[dict[Name, Scalar] | None, AfterValidator(_fewer)]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from. `address` and `request_id` are empty where there is none."""

    source: Source
    address: str = ""
    request_id: str = ""


class AuditEvent(BaseModel):
    """`action` is `noun.verb`. `before` and `after` hold what changed, as plain values; a personal
    value of a customer never stands here, nor a password or a token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[AwareDatetime, AfterValidator(_utc)]
    source: Source
    subject: Text
    action: str = Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", max_length=_MAX_NAME)
    target: Text
    outcome: Outcome = "ok"
    before: Values = None
    after: Values = None
    address: Name = ""
    request_id: Name = ""

    def canonical(self) -> str:
        """The one JSON text of this event, on one line: what is signed and stored."""
        return json.dumps(
            self.model_dump(mode="json"),
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
        )


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event in its log: `number` counts from 1, `id` is for paging."""

    id: str
    number: int
    event: AuditEvent
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """`entries` hold, up to the first problem. `at` is the id of the entry where it shows, or
    `head`. Without a problem the chain holds, and `head` is the hash of its last entry."""

    entries: int
    head: str
    problem: str | None = None
    at: str | None = None
