"""The customer event: its shape, its limits, and the one parser that every writer goes through."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cip.domain.errors import CipError
from cip.domain.tenants import Tenant

MAX_EVENTS_PER_REQUEST: Final = 2_000
MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
MAX_EVENT_BYTES: Final = 32 * 1024
MAX_DEPTH: Final = 32
MAX_ID_CHARACTERS: Final = 256
MAX_TYPE_CHARACTERS: Final = 128
MAX_CHANNEL_CHARACTERS: Final = 64
MAX_AHEAD: Final = timedelta(hours=24)
LATE_AFTER_US: Final = 3_600_000_000  # received more than an hour after it occurred
MAX_AMOUNT_MINOR: Final = 10**12
UNKNOWN_CHANNEL: Final = "unknown"

PURCHASE: Final = "purchase.completed"
REFUND: Final = "purchase.refunded"
MONEY: Final = (PURCHASE, REFUND)
STAGE: Final = "stage.entered"
IDENTIFIED: Final = "customer.identified"
CONVERSATION_STARTED: Final = "conversation.started"
CONVERSATION_RESOLVED: Final = "conversation.resolved"
CONVERSATION_REOPENED: Final = "conversation.reopened"
CONVERSATION_RATED: Final = "conversation.rated"
MESSAGE: Final = "message.sent"
ACTION_TAKEN: Final = "action.taken"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST: Final = _EPOCH - timedelta(days=366 * 100)
_FIELDS: Final = frozenset(
    {"event_id", "customer_id", "type", "occurred_at", "channel", "properties"}
)
# Properties that may hold a list or an object; every other value is a plain one.
_NESTED: Final = {PURCHASE: "items", IDENTIFIED: "traits"}
_NEEDS_CONVERSATION: Final = frozenset(
    {
        CONVERSATION_STARTED,
        CONVERSATION_RESOLVED,
        CONVERSATION_REOPENED,
        CONVERSATION_RATED,
        MESSAGE,
    }
)

_PLAIN_CHARACTERS: Final = 25  # a number, true, false or null, written out

JsonValue = str | int | float | bool | None | list[object] | dict[str, object]


class EventRejectedError(CipError):
    """One event cannot be taken. Says which field and why, and never concerns its neighbours."""

    status = 422
    default_code = "invalid"


class Event(NamedTuple):
    """A valid event. Instants are whole microseconds since 1970 UTC."""

    event_id: str
    customer_id: str
    type: str
    occurred_at_us: int
    channel: str
    properties: dict[str, JsonValue]
    received_at_us: int

    @property
    def amount_minor(self) -> int | None:
        """Minor units of the tenant's currency, of a purchase or a refund."""
        value = self.properties.get("amount_minor")
        return value if self.type in MONEY and isinstance(value, int) else None

    def text(self, name: str) -> str | None:
        value = self.properties.get(name)
        return value if isinstance(value, str) else None


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970 UTC of an aware instant."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(us: int) -> datetime:
    """The aware UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)


def parse_event(raw: object, *, tenant: Tenant, now: datetime) -> Event:
    """Checks one JSON object as `definitions` say; raises `EventRejectedError`.

    `now` is the instant of receipt. Unknown fields are refused, so that a `tenant_id` or a
    misspelt `occured_at` is a visible mistake instead of a lost value.
    """
    if not isinstance(raw, dict):
        raise EventRejectedError("An event is a JSON object.", code="type", field=None)
    if not raw.keys() <= _FIELDS:
        unknown = sorted(str(name) for name in raw if name not in _FIELDS)
        raise EventRejectedError(
            f"Unknown field; an event has {', '.join(sorted(_FIELDS))}.",
            code="unknown_field",
            field=unknown[0][:64],
        )
    kind = _text(raw, "type", MAX_TYPE_CHARACTERS)
    return Event(
        event_id=_text(raw, "event_id", MAX_ID_CHARACTERS),
        customer_id=_text(raw, "customer_id", MAX_ID_CHARACTERS),
        type=kind,
        occurred_at_us=_occurred_at(raw.get("occurred_at"), tenant, now),
        channel=_channel(raw),
        properties=_properties(raw.get("properties"), kind, tenant),
        received_at_us=microseconds(now),
    )


def _text(raw: Mapping[str, object], name: str, limit: int) -> str:
    value = raw.get(name)
    # What is as it should be is seen at once; of what is printable, only a space is a space.
    if (
        isinstance(value, str)
        and 0 < len(value) <= limit
        and value.isprintable()
        and value[0] != " " != value[-1]
    ):
        return value
    if value is None or value == "":
        raise EventRejectedError("This field is required.", code="missing", field=name)
    if not isinstance(value, str):
        raise EventRejectedError("This field is a string.", code="type", field=name)
    if len(value) > limit:
        raise EventRejectedError(f"At most {limit} characters.", code="too_long", field=name)
    raise EventRejectedError(
        "Only printable characters, without spaces at the ends.", code="invalid", field=name
    )


def _channel(raw: Mapping[str, object]) -> str:
    if raw.get("channel") in (None, ""):
        return UNKNOWN_CHANNEL
    return _text(raw, "channel", MAX_CHANNEL_CHARACTERS)


def _occurred_at(value: object, tenant: Tenant, now: datetime) -> int:
    field = "occurred_at"
    if value is None or value == "":
        raise EventRejectedError("This field is required.", code="missing", field=field)
    if not isinstance(value, str) or len(value) > 64:
        raise EventRejectedError("An ISO 8601 time as a string.", code="type", field=field)
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=tenant.zone)
        at = parsed.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise EventRejectedError(
            "Not an ISO 8601 time, e.g. 2026-11-22T14:32:05Z.", code="invalid", field=field
        ) from error
    if at > now + MAX_AHEAD:
        raise EventRejectedError("More than 24 hours ahead.", code="future", field=field)
    if at < _EARLIEST:
        raise EventRejectedError("Before the year 1870.", code="invalid", field=field)
    if tenant.retention_days is not None and at < now - timedelta(days=tenant.retention_days):
        raise EventRejectedError(
            f"Older than the tenant keeps events ({tenant.retention_days} days).",
            code="older_than_retention",
            field=field,
        )
    return microseconds(at)


def _properties(value: object, kind: str, tenant: Tenant) -> dict[str, JsonValue]:
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise EventRejectedError("An object.", code="type", field="properties")
    nested = _NESTED.get(kind)
    characters = 0
    for name, item in value.items():
        _check_property(name, item, allow_nested=name == nested)
        characters += len(name) + (len(item) if isinstance(item, str) else _PLAIN_CHARACTERS)
    # As JSON a character is twelve at most; only what comes near the limit is written out to see.
    if nested in value or (characters + 8 * len(value)) * 12 > MAX_EVENT_BYTES:
        _check_size(value)
    _check_known_type(kind, value, tenant)
    return value


def _check_size(properties: Mapping[str, object]) -> None:
    if _deeper_than(MAX_DEPTH, properties):
        raise EventRejectedError(
            f"Nested at most {MAX_DEPTH} levels deep.", code="invalid", field="properties"
        )
    try:
        size = len(json.dumps(properties, allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        raise EventRejectedError(
            "Only finite numbers and reasonable depth.", code="invalid", field="properties"
        ) from error
    if size > MAX_EVENT_BYTES:
        raise EventRejectedError("At most 32 KB an event.", code="too_large", field="properties")


def _deeper_than(levels: int, value: object) -> bool:
    """Level by level: what is nested without end must not be followed to its end."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)  # type: ignore[attr-defined]
            if isinstance(inner, (list, dict))
        ]
        if not level:
            return False
    return True


def _check_property(name: object, item: object, *, allow_nested: bool) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_TYPE_CHARACTERS:
        raise EventRejectedError(
            "Property names are strings of 1 to 128 characters.", code="invalid", field="properties"
        )
    field = f"properties.{name}"
    if isinstance(item, float) and not math.isfinite(item):
        raise EventRejectedError("A finite number.", code="invalid", field=field)
    # A float of that size has no fraction: it is what readers of JSON make of a longer number.
    if isinstance(item, (int, float)) and abs(item) >= 2**63:
        raise EventRejectedError("A number of at most 64 bits.", code="invalid", field=field)
    if isinstance(item, (list, dict)) and not allow_nested:
        raise EventRejectedError(
            "Properties are flat: a string, a number, true, false or null.",
            code="nested",
            field=field,
        )


def _check_known_type(kind: str, properties: Mapping[str, object], tenant: Tenant) -> None:
    if kind in MONEY:
        _check_amount(properties.get("amount_minor"))
        _check_currency(kind, properties.get("currency"), tenant)
    elif kind == STAGE:
        _require_text(properties, "stage")
    elif kind in _NEEDS_CONVERSATION:
        _require_text(properties, "conversation_id")
        if kind == MESSAGE:
            _check_sender(properties.get("sender"))
        elif kind == CONVERSATION_RATED:
            _check_rating(properties.get("rating"))
    elif kind == ACTION_TAKEN:
        _require_text(properties, "action")


def _require_text(properties: Mapping[str, object], name: str) -> None:
    value = properties.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARACTERS:
        raise EventRejectedError(
            "A string of 1 to 256 characters is required.",
            code="missing" if value in (None, "") else "invalid",
            field=f"properties.{name}",
        )


def _check_amount(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_AMOUNT_MINOR:
        raise EventRejectedError(
            "A whole number of minor units (cents), zero or more.",
            code="missing" if value is None else "invalid",
            field="properties.amount_minor",
        )


def _check_currency(kind: str, value: object, tenant: Tenant) -> None:
    if value is None and kind == REFUND:
        return
    if value != tenant.currency:
        raise EventRejectedError(
            f"The tenant's currency is {tenant.currency}.",
            code="missing" if value is None else "currency",
            field="properties.currency",
        )


def _check_sender(value: object) -> None:
    if value not in ("customer", "agent", "bot"):
        raise EventRejectedError(
            "One of customer, agent, bot.", code="invalid", field="properties.sender"
        )


def _check_rating(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        raise EventRejectedError(
            "A whole number from 1 to 5.", code="invalid", field="properties.rating"
        )
