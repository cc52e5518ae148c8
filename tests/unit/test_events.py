"""The rules an event must keep, each with the code and the field that its breach gives."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cip.domain.events import (
    MAX_EVENT_BYTES,
    EventRejectedError,
    instant,
    microseconds,
    parse_event,
)
from tests.factories import NOW, raw_event, tenant


def accepted(**changes: Any) -> Any:
    return parse_event(raw_event(**changes), tenant=tenant(), now=NOW)


def test_an_event_is_taken_as_it_is() -> None:
    event = accepted(
        event_id="e-1",
        customer="c 1",
        kind="purchase.completed",
        occurred_at="2026-11-22T15:00:00.123456+02:00",
        channel="mobile app",
    )
    assert event.event_id == "e-1"
    assert event.customer_id == "c 1"
    assert event.occurred_at_us == microseconds(datetime(2026, 11, 22, 13, 0, 0, 123456, UTC))
    assert event.amount_minor == 1_000
    assert event.channel == "mobile app"
    assert instant(event.received_at_us) == NOW


def test_an_imported_log_keeps_its_own_type_names() -> None:
    assert accepted(kind="Create Fine").type == "Create Fine"


def test_a_time_without_zone_is_in_the_tenants() -> None:
    berlin = tenant(timezone="Europe/Berlin")
    raw = raw_event(occurred_at="2026-07-01 12:00:00")
    event = parse_event(raw, tenant=berlin, now=NOW)
    assert instant(event.occurred_at_us) == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)


def test_a_missing_channel_is_unknown_and_missing_properties_are_none() -> None:
    raw = raw_event()
    del raw["channel"], raw["properties"]
    event = parse_event(raw, tenant=tenant(), now=NOW)
    assert (event.channel, event.properties) == ("unknown", {})


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"event_id": ""}, "missing", "event_id"),
        ({"event_id": 5}, "type", "event_id"),
        ({"event_id": "x" * 257}, "too_long", "event_id"),
        ({"customer_id": None}, "missing", "customer_id"),
        ({"customer_id": "a\x00b"}, "invalid", "customer_id"),
        ({"customer_id": " a"}, "invalid", "customer_id"),
        ({"type": "x" * 129}, "too_long", "type"),
        ({"type": "line\nbreak"}, "invalid", "type"),
        ({"occurred_at": None}, "missing", "occurred_at"),
        ({"occurred_at": 1_700_000_000}, "type", "occurred_at"),
        ({"occurred_at": "yesterday"}, "invalid", "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "invalid", "occurred_at"),
        ({"occurred_at": "1700-01-01T00:00:00Z"}, "invalid", "occurred_at"),
        (
            {"occurred_at": (NOW + timedelta(hours=24, seconds=1)).isoformat()},
            "future",
            "occurred_at",
        ),
        ({"channel": "x" * 65}, "too_long", "channel"),
        ({"channel": 7}, "type", "channel"),
        ({"properties": []}, "type", "properties"),
        ({"properties": {"a": {"b": 1}}}, "nested", "properties.a"),
        ({"properties": {"a": [1]}}, "nested", "properties.a"),
        ({"properties": {"a": math.nan}}, "invalid", "properties.a"),
        ({"properties": {"a": math.inf}}, "invalid", "properties.a"),
        ({"properties": {"a": 2**63}}, "invalid", "properties.a"),
        ({"properties": {"a": 2.0**63}}, "invalid", "properties.a"),
        ({"properties": orjson.loads('{"a": 18446744073709551616}')}, "invalid", "properties.a"),
        ({"properties": {"a": -1e300}}, "invalid", "properties.a"),
        ({"properties": {"": 1}}, "invalid", "properties"),
        ({"properties": {"a": "x" * 33_000}}, "too_large", "properties"),
        ({"tenant_id": "other"}, "unknown_field", "tenant_id"),
        ({"occured_at": "2026"}, "unknown_field", "occured_at"),
    ],
)
def test_a_broken_rule_names_its_field(changes: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(EventRejectedError) as caught:
        parse_event(raw_event(**changes), tenant=tenant(), now=NOW)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize("number", [2**63 - 1, 1 - 2**63, 2.0**62, -9.2e18, 0.1, 5e-324])
def test_a_number_of_64_bits_is_kept_as_it_is(number: float) -> None:
    assert accepted(properties={"a": number}).properties == {"a": number}


@pytest.mark.parametrize(
    ("kind", "properties", "code", "field"),
    [
        ("purchase.completed", {"currency": "EUR"}, "missing", "properties.amount_minor"),
        (
            "purchase.completed",
            {"amount_minor": 9.99, "currency": "EUR"},
            "invalid",
            "properties.amount_minor",
        ),
        (
            "purchase.completed",
            {"amount_minor": True, "currency": "EUR"},
            "invalid",
            "properties.amount_minor",
        ),
        (
            "purchase.completed",
            {"amount_minor": -1, "currency": "EUR"},
            "invalid",
            "properties.amount_minor",
        ),
        (
            "purchase.completed",
            {"amount_minor": 10**12 + 1, "currency": "EUR"},
            "invalid",
            "properties.amount_minor",
        ),
        ("purchase.completed", {"amount_minor": 1}, "missing", "properties.currency"),
        (
            "purchase.completed",
            {"amount_minor": 1, "currency": "USD"},
            "currency",
            "properties.currency",
        ),
        (
            "purchase.refunded",
            {"amount_minor": 1, "currency": "USD"},
            "currency",
            "properties.currency",
        ),
        ("stage.entered", {}, "missing", "properties.stage"),
        ("stage.entered", {"stage": 5}, "invalid", "properties.stage"),
        ("conversation.started", {}, "missing", "properties.conversation_id"),
        (
            "message.sent",
            {"conversation_id": "k", "sender": "ghost"},
            "invalid",
            "properties.sender",
        ),
        (
            "conversation.rated",
            {"conversation_id": "k", "rating": 6},
            "invalid",
            "properties.rating",
        ),
        (
            "conversation.rated",
            {"conversation_id": "k", "rating": True},
            "invalid",
            "properties.rating",
        ),
        ("action.taken", {}, "missing", "properties.action"),
    ],
)
def test_a_known_type_keeps_its_own_rules(
    kind: str, properties: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(EventRejectedError) as caught:
        accepted(kind=kind, properties=properties)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_items_and_traits_may_be_nested_where_they_belong() -> None:
    items = [{"sku": "a", "count": 2}]
    purchase = {"amount_minor": 1, "currency": "EUR", "items": items}
    assert accepted(kind="purchase.completed", properties=purchase).properties["items"] == items
    with pytest.raises(EventRejectedError):
        accepted(kind="page.viewed", properties={"items": items})


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_what_is_no_object_is_no_event(raw: object) -> None:
    with pytest.raises(EventRejectedError):
        parse_event(raw, tenant=tenant(), now=NOW)


def test_an_event_older_than_the_tenant_keeps_has_a_code_of_its_own() -> None:
    short = tenant(retention_days=30)
    parse_event(raw_event(minutes_ago=60 * 24 * 29), tenant=short, now=NOW)
    with pytest.raises(EventRejectedError) as caught:
        parse_event(raw_event(minutes_ago=60 * 24 * 31), tenant=short, now=NOW)
    assert caught.value.code == "older_than_retention"


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=40),
        st.one_of(
            st.text(max_size=3).map(lambda text: text * 2_000),
            st.integers(-(2**62), 2**62),
            st.floats(-(2.0**62), 2.0**62),
            st.booleans(),
            st.none(),
        ),
        max_size=8,
    )
)
def test_an_event_is_too_large_exactly_when_its_json_is(properties: dict[str, object]) -> None:
    too_large = len(json.dumps(properties).encode()) > MAX_EVENT_BYTES
    raw = raw_event(properties=properties)
    if too_large:
        with pytest.raises(EventRejectedError, match="32 KB"):
            parse_event(raw, tenant=tenant(), now=NOW)
    else:
        assert parse_event(raw, tenant=tenant(), now=NOW).properties == properties
