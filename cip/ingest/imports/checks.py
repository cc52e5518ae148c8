"""The event rules over whole columns: `raw` becomes `checked`, with each event's first fault.

The same rules and codes as `cip.domain.events.parse_event`; a property test compares the two.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
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
from cip.domain.tenants import Tenant
from cip.ingest.imports.money import minor_digits
from cip.ingest.imports.odd import PLAIN_TIME, Judge, MoneyRule, judge_odd_values
from cip.ingest.imports.plan import Plan
from cip.ingest.imports.staging import load_sql, used
from cip.ingest.imports.zones import FIRST_DAY, last_useful_day, zone_days

_LIMITS: Final = {
    "type": MAX_TYPE_CHARACTERS,
    "event_id": MAX_ID_CHARACTERS,
    "customer_id": MAX_ID_CHARACTERS,
    "channel": MAX_CHANNEL_CHARACTERS,
}
_NEVER: Final = -(2**62)
_FETCH: Final = 1_000


def check(connection: duckdb.DuckDBPyConnection, plan: Plan, tenant: Tenant, now: datetime) -> None:
    """Makes the tables `checked` and `repeated` (ids that more than one accepted event has)."""
    judge = Judge(tenant, now)
    judge_odd_values(connection, judge, _money(plan))
    _make_zone_days(connection, tenant, now)
    statement = load_sql("checked").format(members=_members(plan), **_cases(plan))
    connection.execute(statement, used(statement, _values(plan, tenant, now)))
    connection.execute("DROP TABLE raw")
    _settle(connection, judge)
    connection.execute(
        "CREATE TEMP TABLE repeated AS SELECT id FROM checked WHERE fault IS NULL "
        "GROUP BY id HAVING count(*) > 1"
    )


def _make_zone_days(connection: duckdb.DuckDBPyConnection, tenant: Tenant, now: datetime) -> None:
    """The tenant's offsets on the days that the file speaks of."""
    [(first, last)] = connection.execute(
        "SELECT min(day), max(day) "
        "FROM (SELECT TRY_CAST(left(at_text, 10) AS DATE) AS day FROM raw) "
        "WHERE day BETWEEN $first AND $last",
        {"first": FIRST_DAY, "last": last_useful_day(now)},
    ).fetchall()
    days = zone_days(tenant.zone, first or FIRST_DAY, last or FIRST_DAY)
    connection.register("zone_table", days)
    connection.execute("CREATE TEMP TABLE zone_days AS FROM zone_table")
    connection.unregister("zone_table")


def _money(plan: Plan) -> MoneyRule:
    whole = "amount_minor" in plan.fields
    return MoneyRule(0 if whole else minor_digits(plan.currency), whole)


def _values(plan: Plan, tenant: Tenant, now: datetime) -> dict[str, Any]:
    kept = tenant.retention_days
    money = _money(plan)
    return {
        "plain_time": PLAIN_TIME,
        "plain_amount": money.plain,
        "scale": 10**money.digits,
        "currency": plan.currency,
        "tenant_currency": tenant.currency,
        "derive": plan.derives_ids,
        "latest": microseconds(now + MAX_AHEAD),
        "oldest": _NEVER if kept is None else microseconds(now - timedelta(days=kept)),
        "largest_amount": MAX_AMOUNT_MINOR,
        **{f"name{at}": json.dumps(item.name) + ":" for at, item in enumerate(plan.properties)},
        **{f"only{at}": item.only for at, item in enumerate(plan.properties)},
    }


def _members(plan: Plan) -> str:
    """SQL of the JSON object's members; null ones are left out."""
    members = [
        "'\"amount_minor\":' || minor",
        (
            "CASE WHEN coalesce(CAST(minor AS VARCHAR), currency) IS NOT NULL THEN "
            "'\"currency\":' || CAST(to_json(money) AS VARCHAR) END"
        ),
    ]
    for at, item in enumerate(plan.properties):
        member = f"$name{at} || p{at}"
        if item.only is not None:
            member = f"CASE WHEN type = $only{at} THEN {member} END"
        members.append(member)
    return ", ".join(members)


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
    unfit = f"{name} IN (SELECT value FROM odd_texts)"  # noqa: S608 - a name of ours
    return (
        f"WHEN {name} IS NULL OR {name} = '' THEN 'missing {name}' "
        f"WHEN length({name}) > {_LIMITS[name]} THEN 'too_long {name}' "
        f"WHEN {unfit} THEN 'invalid {name}'"
    )


def _property_cases(plan: Plan) -> str:
    cases = []
    for at, item in enumerate(plan.properties):
        applies = "" if item.only is None else f" AND type = $only{at}"
        cases.append(f"WHEN f{at} IS NOT NULL{applies} THEN f{at} || ' p{at}'")
    return " ".join(cases)


def _required(name: str, place: str) -> str:
    return (
        f"CASE WHEN coalesce({place}, 'null') IN ('null', '\"\"') THEN 'missing {name}' "
        f"WHEN NOT starts_with({place}, '\"') "
        f"OR length(json_extract_string({place}, '$')) > {MAX_ID_CHARACTERS} "
        f"THEN 'invalid {name}' END"
    )


def _settle(connection: duckdb.DuckDBPyConnection, judge: Judge) -> None:
    """Puts the faults that were left open into their place: size, then the known types."""
    cursor = connection.execute(
        "SELECT rowid, properties FROM checked WHERE fault IS NULL AND large"
    )
    too_large: list[int] = []
    while found := cursor.fetchmany(_FETCH):
        too_large += [at for at, text in found if not judge.fits(json.loads(text))]
    if too_large:
        connection.execute(
            "UPDATE checked SET fault = 'too_large properties' "
            "WHERE rowid IN (SELECT unnest($rows))",
            {"rows": too_large},
        )
    connection.execute("UPDATE checked SET fault = known WHERE fault IS NULL AND known IS NOT NULL")
