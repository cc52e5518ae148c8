"""What is to be made of a file's columns: the fields, the properties, the constants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from cip.domain.errors import InvalidInputError
from cip.domain.events import MAX_TYPE_CHARACTERS

Form = Literal["auto", "text", "integer", "number", "boolean"]

EVENT_FIELDS: Final = (
    "event_id",
    "customer_id",
    "type",
    "occurred_at",
    "channel",
    "amount",
    "amount_minor",
    "currency",
    "source_order",
)
# Properties with a meaning of their own, which `--map` takes by name.
KNOWN_PROPERTIES: Final[Mapping[str, Form]] = {
    "conversation_id": "text",
    "sender": "text",
    "text": "auto",
    "agent_id": "text",
    "rating": "integer",
    "stage": "text",
    "action": "text",
    "purchase_id": "text",
    "name": "auto",
    "email": "auto",
}
# For a column that only helps to make another property.
NOWHERE: Final = ""
_FORMS: Final = ("text", "integer", "number", "boolean")
_RESERVED: Final = ("amount_minor", "currency")
_LOOSE: Final = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Property:
    """`column` of the file, as `form`; `only`: the one event type that carries it, if not all."""

    name: str
    column: str
    form: Form = "auto"
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`fields`: event field or preset field → column. Two equal plans import the same events."""

    fields: Mapping[str, str]
    properties: tuple[Property, ...] = ()
    preset: str | None = None
    type: str | None = None
    channel: str | None = None
    currency: str = "EUR"
    time_format: str | None = None
    decimal_comma: bool = False

    @property
    def derives_ids(self) -> bool:
        return "event_id" not in self.fields

    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once, in a fixed order."""
        named = (*self.fields.values(), *(item.column for item in self.properties))
        return tuple(dict.fromkeys(named))

    def identity(self) -> str:
        """Text that tells this plan from another one."""
        return repr((sorted(self.fields.items()), replace(self, fields={})))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for, as given."""

    fields: Mapping[str, str] = field(default_factory=dict)
    properties: tuple[Property, ...] = ()
    type: str | None = None
    channel: str | None = None
    time_format: str | None = None
    decimal_comma: bool = False


def parse_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """`NAME=COLUMN` texts as a dictionary; the error names the option."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, sign, column = text.partition("=")
        if not (name and sign and column):
            raise InvalidInputError(f"{option} {text!r}: give it as FIELD=COLUMN.", field=option)
        if name in pairs:
            raise InvalidInputError(f"{option} {name} is given twice.", field=option)
        pairs[name] = column
    return pairs


def parse_properties(texts: Iterable[str]) -> tuple[Property, ...]:
    """`NAME=COLUMN` or `NAME:FORM=COLUMN`."""
    found = []
    for name, column in parse_pairs(texts, "--property").items():
        label, _, form = name.rpartition(":") if name.endswith(_FORM_ENDS) else (name, "", "auto")
        if not 0 < len(label) <= MAX_TYPE_CHARACTERS:
            raise InvalidInputError(
                f"--property {name}: a property's name has 1 to 128 characters.",
                field="--property",
            )
        if label in _RESERVED:
            raise InvalidInputError(
                f"--property {label}: use --map {label}=COLUMN.", field="--property"
            )
        found.append(Property(label, column, _form(form)))
    return tuple(found)


_FORM_ENDS: Final = tuple(f":{form}" for form in _FORMS)


def _form(text: str) -> Form:
    forms: dict[str, Form] = {
        "text": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
    }
    return forms.get(text, "auto")


def find_column(name: str, available: Sequence[str]) -> str | None:
    """The column of that name, else the one that differs only in case, blanks, _ or -."""
    if name in available:
        return name
    alike = [column for column in available if _loose(column) == _loose(name)]
    return alike[0] if len(alike) == 1 else None


def _loose(name: str) -> str:
    return _LOOSE.sub("", name).casefold()


def require_column(name: str, available: Sequence[str], option: str) -> str:
    """The column; the error names the option, the column and those there are."""
    if name not in available:
        raise InvalidInputError(
            f"{option}: the file has no column {name!r}. It has: {', '.join(available)}.",
            field=option,
        )
    return name


def plain_plan(wishes: Wishes, available: Sequence[str], currency: str) -> Plan:
    """The plan of an import without a preset."""
    fields, properties = split_fields(wishes.fields, available)
    for name in ("customer_id", "occurred_at"):
        if name not in fields:
            raise InvalidInputError(
                f"--map {name}=COLUMN is missing. The file has: {', '.join(available)}.",
                field="--map",
            )
    if ("type" in fields) == (wishes.type is not None):
        raise InvalidInputError(
            "Give the events' type: either --map type=COLUMN or --type NAME.", field="--type"
        )
    if "amount" in fields and "amount_minor" in fields:
        raise InvalidInputError("Map amount or amount_minor, not both.", field="--map")
    return Plan(
        fields=fields,
        properties=properties + checked_properties(wishes.properties, available),
        type=wishes.type,
        channel=wishes.channel,
        currency=currency,
        time_format=wishes.time_format,
        decimal_comma=wishes.decimal_comma,
    )


def split_fields(
    wanted: Mapping[str, str], available: Sequence[str], extra: Sequence[str] = ()
) -> tuple[dict[str, str], tuple[Property, ...]]:
    """`--map` pairs as event fields (and a preset's `extra` ones) and known properties."""
    fields: dict[str, str] = {}
    properties: list[Property] = []
    for name, column in wanted.items():
        require_column(column, available, f"--map {name}")
        if name in EVENT_FIELDS or name in extra:
            fields[name] = column
        elif name in KNOWN_PROPERTIES:
            properties.append(Property(name, column, KNOWN_PROPERTIES[name]))
        else:
            known = ", ".join((*EVENT_FIELDS, *extra, *KNOWN_PROPERTIES))
            raise InvalidInputError(
                f"--map {name}: there is no such field. There are: {known}. Use --property "
                f"{name}={column} for one of your own.",
                field="--map",
            )
    return fields, tuple(properties)


def checked_properties(
    wanted: Sequence[Property], available: Sequence[str]
) -> tuple[Property, ...]:
    for item in wanted:
        require_column(item.column, available, f"--property {item.name}")
    return tuple(wanted)
