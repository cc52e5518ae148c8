"""How old an answer may be, who computes it, and what is said when it cannot be had."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from dash import Dash

from cip.domain.insights import INSIGHTS, insight
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.queries import KpisQuery, Period, RfmQuery, TimeseriesQuery
from cip.domain.tenants import TenantId
from cip.jobs.tasks import Job, refresh_due, report_failure
from cip.services import make_services
from cip.services.outcomes import Outcome
from cip.store import keys
from cip.store.results import QUEUED_MS, digest
from tests.factories import KEYS, Platform, raw_event
from tests.web.conftest import Client
from tests.web.test_api import run_jobs

MONTH = KpisQuery(period=Period(last="30d"))


@pytest.fixture
def principal(platform: Platform) -> Principal:
    platform.send(raw_event(kind="purchase.completed", minutes_ago=60 * 24 * 5), raw_event())
    return platform.principal()


def ask(
    platform: Platform, principal: Principal, query: Any = MONTH, slug: str = "kpis"
) -> Outcome:
    return platform.services.insights.ask(principal, slug, query)


def test_an_answer_is_computed_once_and_then_served(
    platform: Platform, principal: Principal
) -> None:
    assert ask(platform, principal).state == "pending"
    assert ask(platform, principal).state == "pending"
    assert run_jobs(platform) == 1
    assert ask(platform, principal).state == "ready"
    assert run_jobs(platform) == 0


def test_an_old_answer_is_served_as_stale_while_one_job_renews_it(
    platform: Platform, principal: Principal
) -> None:
    ask(platform, principal)
    run_jobs(platform)
    platform.clock.move(seconds=61)  # type: ignore[attr-defined]
    for _ in range(3):
        outcome = ask(platform, principal)
        assert (outcome.state, outcome.refreshing) == ("stale", True)
        assert outcome.result is not None
        assert outcome.result.envelope.source == "stale"
        assert outcome.result.data.events.value == 2
    assert run_jobs(platform) == 1
    fresh = ask(platform, principal)
    assert fresh.state == "ready"
    assert fresh.result is not None
    assert fresh.result.envelope.source == "live"


def test_a_lost_job_is_put_into_the_queue_again_when_its_lease_lapses(
    platform: Platform, principal: Principal
) -> None:
    ask(platform, principal, RfmQuery(), "rfm")
    platform.client.delete("jobs:interactive")  # the broker lost it
    ask(platform, principal, RfmQuery(), "rfm")
    assert run_jobs(platform) == 0
    lease = keys.insight_lease(principal.tenant, "rfm", digest("rfm", RfmQuery(), 0))
    assert 0 < platform.client.pttl(lease) <= QUEUED_MS
    platform.client.delete(lease)  # as its expiry does
    ask(platform, principal, RfmQuery(), "rfm")
    assert run_jobs(platform) == 1
    assert ask(platform, principal, RfmQuery(), "rfm").state == "ready"


def test_a_computation_that_breaks_says_so_and_is_tried_again_later(
    platform: Platform, principal: Principal
) -> None:
    ask(platform, principal)
    body = platform.client.rpop("jobs:interactive")
    assert body
    lease = keys.insight_lease(principal.tenant, "kpis", digest("kpis", MONTH, 0))
    token = platform.client.get(lease).decode()
    job = Job(principal.tenant, "kpis", MONTH.model_dump(mode="json"), 0, token)
    report_failure(job, platform.client)
    outcome = ask(platform, principal)
    assert outcome.state == "error"
    assert outcome.problem is not None
    assert outcome.problem.code == "computation_failed"
    assert not platform.client.exists(lease)
    key = keys.insight(principal.tenant, "kpis", digest("kpis", MONTH, 0))
    assert 0 < platform.client.ttl(key) <= 30
    platform.client.delete(key)  # as its expiry does
    assert ask(platform, principal).state == "pending"
    run_jobs(platform)
    assert ask(platform, principal).state == "ready"


def test_a_failure_never_replaces_an_older_answer(platform: Platform, principal: Principal) -> None:
    ask(platform, principal)
    run_jobs(platform)
    job = Job(principal.tenant, "kpis", MONTH.model_dump(mode="json"), 0, "x")
    report_failure(job, platform.client)
    assert ask(platform, principal).state == "ready"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b"not json", None),
        (b"[]", ""),
        (b'{"envelope": {}, "data": {}}', "envelope"),
        (b'{"data": 5}', "envelope"),
    ],
)
def test_a_damaged_value_is_an_error_that_names_key_and_field(
    platform: Platform, principal: Principal, value: bytes, place: str | None
) -> None:
    key = keys.insight(principal.tenant, "kpis", digest("kpis", MONTH, 0))
    platform.client.set(key, value)
    outcome = ask(platform, principal)
    assert outcome.state == "error"
    assert outcome.problem is not None
    assert outcome.problem.code == "corrupt_value"
    assert outcome.problem.field is not None
    assert outcome.problem.field.startswith(key)
    if place:
        assert f": {place}" in outcome.problem.field


def test_a_tenant_without_events_is_empty(platform: Platform) -> None:
    principal = platform.principal()
    for slug, query in (("kpis", KpisQuery()), ("rfm", RfmQuery()), ("kpis", MONTH)):
        assert ask(platform, principal, query, slug).state == "empty"


def test_without_redis_the_state_is_unreachable(platform: Platform) -> None:
    services = make_services(
        "redis://127.0.0.1:1", "redis://127.0.0.1:1", KEYS, clock=platform.clock
    )
    outcome = services.insights.ask(platform.principal(), "kpis", KpisQuery())
    assert outcome.state == "unreachable"
    assert outcome.problem is not None
    assert outcome.problem.code == "unavailable"


def test_the_pulse_changes_with_events_results_and_minutes_and_else_stands_still(
    platform: Platform, principal: Principal
) -> None:
    pulse = platform.services.pulse
    first = pulse.version(principal)
    assert pulse.version(principal) == first
    platform.send(raw_event())
    second = pulse.version(principal)
    assert second != first
    ask(platform, principal)
    run_jobs(platform)
    third = pulse.version(principal)
    assert third != second
    platform.clock.move(minutes=1)  # type: ignore[attr-defined]
    assert pulse.version(principal) != third


def test_scheduled_insights_are_renewed_unasked(platform: Platform, principal: Principal) -> None:
    scheduled = {slug for slug, one in INSIGHTS.items() if one.schedule}
    assert refresh_due(platform.services) == len(scheduled) > 0
    assert run_jobs(platform) == len(scheduled)
    assert refresh_due(platform.services) == 0
    assert ask(platform, principal, RfmQuery(), "rfm").state == "ready"
    platform.clock.move(seconds=timedelta(hours=1).total_seconds())  # type: ignore[attr-defined]
    assert refresh_due(platform.services) == len(scheduled)


def test_engagement_joins_the_live_strip_when_a_job_has_found_it(
    platform: Platform, principal: Principal
) -> None:
    day = KpisQuery(period=Period(last="24h"))
    first = ask(platform, principal, day)
    assert first.result is not None
    assert first.result.data.engagement_mean.value is None
    run_jobs(platform)
    second = ask(platform, principal, day)
    assert second.result is not None
    # One customer, active on two of 28 days, last seen a minute ago, alone and so in the middle.
    expected = 100 * (2 / 28 + (1 - 1 / 1440 / 28) + 0.5) / 3
    assert second.result.data.engagement_mean.value == pytest.approx(expected, abs=1e-6)


def test_one_tenants_answer_is_never_anothers(platform: Platform, principal: Principal) -> None:
    platform.add_tenant("other")
    platform.send(raw_event(minutes_ago=60 * 24 * 5), name="other")
    other = platform.principal("other")
    for query in (MONTH, KpisQuery(period=Period(last="24h"))):
        for who in (principal, other):
            ask(platform, who, query)
    run_jobs(platform)
    mine, theirs = ask(platform, principal), ask(platform, other)
    assert mine.result is not None
    assert theirs.result is not None
    assert (mine.result.envelope.tenant, theirs.result.envelope.tenant) == ("acme", "other")
    assert (mine.result.data.events.value, theirs.result.data.events.value) == (2, 1)


def test_a_principal_without_the_permission_gets_an_error(platform: Platform) -> None:
    nobody = Principal("n", TenantId("acme"), Role.VIEWER, frozenset())
    outcome = ask(platform, nobody)
    assert outcome.problem is not None
    assert outcome.problem.code == "forbidden"


def test_the_feed_masks_customers_for_those_who_may_not_read_them(platform: Platform) -> None:
    platform.send(raw_event(customer="zoe@example.org", kind="purchase.completed"))
    feed = platform.services.feed
    (seen,) = feed.newest(platform.principal(role=Role.ANALYST))
    assert (seen.customer_id, seen.type, seen.detail) == (
        "zoe@example.org",
        "purchase.completed",
        "1000",
    )
    platform.client.delete(keys.events(TenantId("acme")))
    name = {"name": "Zoe Canary", "email": "zoe@example.org"}
    platform.send(
        raw_event(customer="zoe@example.org", kind="customer.identified", properties=name)
    )
    (masked,) = feed.newest(platform.principal(role=Role.VIEWER))
    assert masked.customer_id.startswith("#")
    assert "zoe" not in masked.model_dump_json().lower()


def test_active_now_ends_with_the_minute_that_runs_on_both_ways(
    platform: Platform,
) -> None:
    platform.send(
        raw_event(customer="now", minutes_ago=1),
        raw_event(customer="before", minutes_ago=7),
        raw_event(customer="ahead", minutes_ago=-30),
        raw_event(customer="old", minutes_ago=60 * 24 * 6),
    )
    principal = platform.principal()
    today = platform.clock().replace(hour=0, minute=0, second=0)
    whole = Period(start=today - timedelta(days=6), end=today + timedelta(days=1))
    for period in (Period(last="24h"), whole):
        query = KpisQuery(period=period)
        ask(platform, principal, query)
        run_jobs(platform)
        outcome = ask(platform, principal, query)
        assert outcome.result is not None
        kpi = outcome.result.data.active_now
        assert (kpi.value, kpi.before) == (1, 1), period


def test_engagement_of_a_window_that_is_over_is_as_of_its_end(platform: Platform) -> None:
    platform.send(raw_event(customer="a", minutes_ago=60 * 20), raw_event(customer="b"))
    principal = platform.principal()
    end = platform.clock().replace(minute=0, second=0) - timedelta(hours=10)
    query = KpisQuery(period=Period(start=end - timedelta(hours=12), end=end))
    ask(platform, principal, query)
    run_jobs(platform)
    outcome = ask(platform, principal, query)
    assert outcome.result is not None
    # Only customer a was there then: one day of 28, nine and a half hours ago, alone in rank.
    hours = (end - (platform.clock() - timedelta(hours=20))) / timedelta(hours=1)
    expected = 100 * (1 / 28 + (1 - hours / 24 / 28) + 0.5) / 3
    assert outcome.result.data.engagement_mean.value == pytest.approx(expected, abs=1e-6)


def test_timeseries_of_both_ways_agree(platform: Platform) -> None:
    platform.send(
        *[
            raw_event(customer=f"c{n % 5}", kind=kind, minutes_ago=37.5 * n + 0.5, channel=channel)
            for n, (kind, channel) in enumerate(
                [("page.viewed", "web"), ("purchase.completed", "app")] * 15
            )
        ]
    )
    principal = platform.principal()
    asked = [
        TimeseriesQuery(metric=metric, bucket="hour", split_by=split, period=Period(last="24h"))
        for metric, split in (
            ("events", "type"),
            ("events", "channel"),
            ("revenue_minor", None),
            ("new_customers", None),
            ("active_customers", None),
            ("active_customers", "channel"),
            ("purchases", "channel"),
        )
    ]
    live = [ask(platform, principal, query, "timeseries").result for query in asked]
    platform.clock.move(days=3)  # type: ignore[attr-defined]
    for query, one in zip(asked, live, strict=True):
        assert one is not None
        assert one.envelope.period is not None
        period = Period(start=one.envelope.period.start, end=one.envelope.period.end)
        same = query.model_copy(update={"period": period})
        assert ask(platform, principal, same, "timeseries").state == "pending"
        run_jobs(platform)
        other = ask(platform, principal, same, "timeseries").result
        assert other is not None
        found = {(p.start, p.key): p.value for p in one.data.points if p.value}
        assert found == {(p.start, p.key): p.value for p in other.data.points if p.value}
        assert found


def test_every_insight_of_the_registry_can_be_computed() -> None:
    from cip.compute.run import COMPUTE

    assert set(COMPUTE) == set(INSIGHTS)
    assert all(insight(slug).slug == slug for slug in INSIGHTS)


def test_a_tenant_without_any_event_is_told_how_the_first_one_comes(
    app: Dash, alice: Client, charlie: Client, platform: Platform
) -> None:
    platform.send(raw_event(kind="page.viewed", minutes_ago=60 * 30))
    (key,) = (key for key in app.callback_map if key.startswith("kpis-data"))
    entry = app.callback_map[key]
    wanted = {"home-filters": "?period=1h", "data-version": "0.0.0"}
    body = {
        "output": key,
        "outputs": {"id": "kpis-data", "property": "data"},
        "inputs": [{**one, "value": wanted.get(one["id"])} for one in entry["inputs"]],
        "state": [{**one, "value": None} for one in entry["state"]],
        "changedPropIds": [],
    }
    none, some = (
        client.post("/_dash-update-component", json=body).text for client in (charlie, alice)
    )
    assert "No events yet" in none
    assert "API keys" in none
    assert "No events yet" not in some
