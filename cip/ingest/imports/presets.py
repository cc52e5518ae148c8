"""The presets: how the columns of well-known kinds of files become events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cip.domain.errors import InvalidInputError
from cip.domain.events import IDENTIFIED, MESSAGE, PURCHASE
from cip.ingest.imports.plan import (
    NOWHERE,
    Form,
    Plan,
    Property,
    Wishes,
    checked_properties,
    find_column,
    split_fields,
)


@dataclass(frozen=True, slots=True)
class Preset:
    """`fields` and `optional`: field → names its column may have, the likeliest first.

    `properties`: (property, field, form, the one type that has it). `staging` shapes the events
    where they are not one per row.
    """

    name: str
    fields: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    properties: tuple[tuple[str, str, Form, str | None], ...] = ()
    type: str | None = None
    fixed: str | None = None
    currency: str | None = None
    timezone: str | None = None
    takes_properties: bool = True


_ALL: Final = (
    Preset(
        "online-retail",
        fields={
            "invoice": ("InvoiceNo", "Invoice"),
            "customer_id": ("CustomerID", "Customer ID"),
            "occurred_at": ("InvoiceDate",),
            "quantity": ("Quantity",),
            "price": ("UnitPrice", "Price"),
        },
        # Filled per invoice by the shape; the columns only say where they come from.
        properties=(
            ("purchase_id", "invoice", "text", None),
            ("items", "quantity", "integer", None),
            ("quantity", "quantity", "number", None),
        ),
        type=PURCHASE,
        currency="GBP",
        timezone="Europe/London",
        takes_properties=False,
    ),
    Preset(
        "cdnow",
        fields={
            "customer_id": ("sample_id",),
            "occurred_at": ("date",),
            "amount": ("dollars",),
            "units": ("units",),
        },
        properties=(("units", "units", "integer", None),),
        type=PURCHASE,
        fixed="cdnow",
        currency="USD",
        takes_properties=False,
    ),
    Preset(
        "orders",
        fields={
            "customer_id": ("customer_id", "customer"),
            "occurred_at": ("order_date", "date"),
            "amount": ("revenue", "amount"),
        },
        optional={
            "purchase_id": ("order_id", "purchase_id"),
            "first_name": ("first_name",),
            "last_name": ("last_name",),
            "name": ("name",),
            "email": ("email",),
        },
        properties=(
            ("purchase_id", "purchase_id", "text", PURCHASE),
            ("name", "name", "text", IDENTIFIED),
            ("first_name", "first_name", "text", NOWHERE),
            ("last_name", "last_name", "text", NOWHERE),
            ("email", "email", "text", IDENTIFIED),
        ),
        type=PURCHASE,
    ),
    Preset(
        "event-log",
        fields={
            "customer_id": ("case_id", "case:concept:name", "case"),
            "type": ("activity", "concept:name"),
            "occurred_at": ("timestamp", "time:timestamp"),
        },
        optional={"source_order": ("activity_instance_id",)},
        properties=(("stage", "type", "text", None),),
    ),
    Preset(
        "conversations",
        fields={
            "conversation_id": ("conversation_id",),
            "channel": ("company",),
            "source_order": ("turn",),
            "sender": ("role",),
            "author": ("author",),
            "occurred_at": ("datetime",),
            "text": ("text",),
        },
        properties=(
            ("conversation_id", "conversation_id", "text", None),
            ("sender", "sender", "text", MESSAGE),
            ("text", "text", "text", MESSAGE),
            ("agent_id", "author", "text", MESSAGE),
        ),
        type=MESSAGE,
    ),
)
PRESETS: Final = MappingProxyType({preset.name: preset for preset in _ALL})


def preset(name: str) -> Preset:
    try:
        return PRESETS[name]
    except KeyError:
        raise InvalidInputError(
            f"--preset {name}: there is no such preset. There are: {', '.join(PRESETS)}.",
            field="--preset",
        ) from None


def preset_plan(chosen: Preset, wishes: Wishes, available: Sequence[str], currency: str) -> Plan:
    """The plan of a preset, with the user's `--map` before the usual column names."""
    if wishes.type is not None or (wishes.properties and not chosen.takes_properties):
        raise InvalidInputError(
            f"The preset {chosen.name} sets the type and takes no further properties."
            if not chosen.takes_properties
            else f"The preset {chosen.name} sets the type itself.",
            field="--type" if wishes.type is not None else "--property",
        )
    own = (*chosen.fields, *chosen.optional)
    fields, extra = split_fields(wishes.fields, available, own)
    fields = {**_found(chosen, available, fields), **fields}
    if "name" in chosen.optional and "first_name" in fields:
        fields.setdefault("name", fields["first_name"])
    usual = tuple(
        Property(name, fields[source], form, only)
        for name, source, form, only in chosen.properties
        if source in fields
    )
    return Plan(
        fields=fields,
        properties=usual + extra + checked_properties(wishes.properties, available),
        preset=chosen.name,
        type=chosen.type,
        channel=wishes.channel,
        currency=currency,
        time_format=wishes.time_format,
        decimal_comma=wishes.decimal_comma,
    )


def _found(chosen: Preset, available: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    fields = {}
    for name, names in (*chosen.fields.items(), *chosen.optional.items()):
        column = next(filter(None, (find_column(alias, available) for alias in names)), None)
        if column is not None:
            fields[name] = column
        elif name in chosen.fields and name not in given:
            raise InvalidInputError(
                f"--preset {chosen.name}: the file has no column {' or '.join(names)}; name it "
                f"with --map {name}=COLUMN. It has: {', '.join(available)}.",
                field="--preset",
            )
    return fields
