"""The event rules over whole columns: rows become `checked`, each with its event's first fault.

The same rules and codes as `cip.domain.events.parse_event`; a property test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, Final

import duckdb

from cip.domain.events import (
    MAX_AHEAD,
    MAX_AMOUNT_MINOR,
    MAX_CHANNEL_CHARACTERS,
    MAX_EVENT_BYTES,
    MAX_ID_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    microseconds,
)
from cip.domain.money import minor_digits
from cip.domain.tenants import Tenant
from cip.ingest.imports.odd import PLAIN_TEXT, PLAIN_TIME, PLAIN_WALL, Judge, MoneyRule
from cip.ingest.imports.plan import Plan
from cip.ingest.imports.zones import zone_days

_LIMITS: Final = {
    "type": MAX_TYPE_CHARACTERS,
    "event_id": MAX_ID_CHARACTERS,
    "customer_id": MAX_ID_CHARACTERS,
    "channel": MAX_CHANNEL_CHARACTERS,
}
_NEVER: Final = -(2**62)


def load_sql(name: str) -> str:
    return resources.files("cip.ingest.imports").joinpath("sql", f"{name}.sql").read_text()


def used(statement: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """DuckDB refuses a bound value that the statement does not mention."""
    return {name: value for name, value in values.items() if f"${name}" in statement}


def prepare(
    connection: duckdb.DuckDBPyConnection, plan: Plan, tenant: Tenant, now: datetime
) -> None:
    """Makes the empty table `checked` and what its filling looks things up in."""
    Judge(tenant, now, _money(plan)).install(connection)
    connection.register("zone_table", zone_days(tenant.zone, now))
    connection.execute("CREATE TEMP TABLE zone_days AS FROM zone_table")
    connection.unregister("zone_table")
    connection.execute(load_sql("checked_table"))


def insertion(plan: Plan, rows: str) -> str:
    """The statement that checks `rows`: the name of a table like `raw`, or a query in brackets."""
    money = _money(plan)
    return load_sql("checked").format(
        rows=rows,
        id=load_sql("derived_id") if plan.derives_ids else "event_id",
        members=_members(plan),
        digits=money.digits,
        scale=10**money.digits,
        **_cases(plan),
    )


def values(plan: Plan, tenant: Tenant, now: datetime) -> dict[str, Any]:
    """What `insertion` binds."""
    kept = tenant.retention_days
    return {
        "plain_wall": PLAIN_WALL,
        "plain_time": PLAIN_TIME,
        "plain_text": PLAIN_TEXT,
        "plain_amount": _money(plan).plain,
        "currency": plan.currency,
        "tenant_currency": tenant.currency,
        "latest": microseconds(now + MAX_AHEAD),
        "oldest": _NEVER if kept is None else microseconds(now - timedelta(days=kept)),
        "largest_amount": MAX_AMOUNT_MINOR,
        **{f"name{at}_": json.dumps(item.name) + ":" for at, item in enumerate(plan.properties)},
        **{f"only{at}_": item.only for at, item in enumerate(plan.properties)},
    }


def _money(plan: Plan) -> MoneyRule:
    whole = "amount_minor" in plan.fields
    return MoneyRule(0 if whole else minor_digits(plan.currency), whole)


def _members(plan: Plan) -> str:
    """SQL of the JSON object's members, as parts to be joined; null ones are left out."""
    known = "to_json(money)" if "currency" in plan.fields else "to_json($currency)"
    money = f"CASE WHEN minor IS NOT NULL OR currency IS NOT NULL THEN {known} END"
    members = [("'\"amount_minor\":'", "minor"), ("'\"currency\":'", money)]
    for at, item in enumerate(plan.properties):
        value = f"p{at}" if item.only is None else f"CASE WHEN type = $only{at}_ THEN p{at} END"
        members.append((f"$name{at}_", value))
    return ", ".join(
        f"{_label(name, value, [other for _, other in members[:at]])}, {value}"
        for at, (name, value) in enumerate(members)
    )


def _label(name: str, value: str, before: Sequence[str]) -> str:
    """The name of a member that is there, after a comma unless it is the first one."""
    first = " AND ".join(["true", *(f"{other} IS NULL" for other in before)])
    return f"CASE WHEN {value} IS NULL THEN '' WHEN {first} THEN {name} ELSE ',' || {name} END"


def _cases(plan: Plan) -> dict[str, str]:
    places = {item.name: f"p{at}" for at, item in enumerate(plan.properties)}
    names = ("stage", "conversation_id", "action")
    return {
        **{name: _text_case(name, plan) for name in _LIMITS},
        **{name: _required(name, places.get(name, "NULL")) for name in names},
        "sender_value": f"coalesce({places.get('sender', 'NULL')}, 'null')",
        "rating_value": f"coalesce({places.get('rating', 'NULL')}, 'null')",
        "properties": _property_cases(plan),
        "width": str(4 * (len(plan.properties) + 2)),
        "limit": str(MAX_EVENT_BYTES),
    }


def _text_case(name: str, plan: Plan) -> str:
    if name == "event_id" and plan.derives_ids:
        return ""
    return (
        f"WHEN {name} IS NULL OR {name} = '' THEN 'missing {name}' "
        f"WHEN length({name}) > {_LIMITS[name]} THEN 'too_long {name}' "
        # Not AND, of which either side may be asked first.
        f"WHEN CASE WHEN NOT regexp_full_match({name}, $plain_text) THEN odd_text({name}) END "
        f"THEN 'invalid {name}'"
    )


def _property_cases(plan: Plan) -> str:
    cases = []
    for at, item in enumerate(plan.properties):
        applies = "" if item.only is None else f" AND type = $only{at}_"
        cases.append(f"WHEN f{at} IS NOT NULL{applies} THEN f{at} || ' p{at}'")
    return " ".join(cases)


def _required(name: str, place: str) -> str:
    return (
        f"CASE WHEN coalesce({place}, 'null') IN ('null', '\"\"') THEN 'missing {name}' "
        f"WHEN NOT starts_with({place}, '\"') "
        f"OR length(json_extract_string({place}, '$')) > {MAX_ID_CHARACTERS} "
        f"THEN 'invalid {name}' END"
    )
