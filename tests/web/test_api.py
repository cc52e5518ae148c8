"""The HTTP API: events in, figures out, errors that name the field."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from cip.domain.permissions import Permission
from cip.domain.tenants import tenant_id
from cip.jobs.tasks import Job, compute_insight
from cip.store import keys
from tests.factories import Platform, raw_event
from tests.web.conftest import Client, sign_in


def post(client: Client, path: str, body: Any, key: str | None = None, **headers: str) -> Any:
    if key:
        headers["X-API-Key"] = key
    return client.post(f"/api/v1{path}", data=orjson.dumps(body), headers=headers)


def _next(platform: Platform, queue: str) -> Any:
    return platform.client.rpop(f"jobs:{queue}")


def run_jobs(platform: Platform, queues: Sequence[str] = ("interactive", "heavy")) -> int:
    """Does what workers would: the jobs that lie in the queues; how many."""
    done = 0
    for queue in queues:
        while message := _next(platform, queue):
            body = orjson.loads(base64.b64decode(orjson.loads(message)["body"]))
            job = Job.of(*body[0])
            compute_insight(job, platform.services, platform.history_root, platform.clock)
            done += 1
    return done


def test_a_token_opens_the_api_for_its_tenant(anonymous: Client) -> None:
    answer = post(
        anonymous, "/auth/token", {"username": "alice", "password": "correct horse battery"}
    )
    assert answer.status_code == 200
    assert answer.json["tenant"] == "acme"
    assert answer.json["expires_in"] == 900
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert anonymous.get("/api/v1/insights", headers=bearer).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_forged_token_is_refused(anonymous: Client, token: str) -> None:
    answer = anonymous.get("/api/v1/insights", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthenticated"


def test_events_are_accepted_and_shown(anonymous: Client, platform: Platform, api_key: str) -> None:
    events = [
        raw_event(customer="a"),
        raw_event(customer="a", kind="purchase.completed"),
        raw_event(customer="b"),
    ]
    answer = post(anonymous, "/events", {"events": [*events, events[0]]}, api_key)
    assert answer.status_code == 202
    assert answer.json == {"accepted": 3, "duplicates": 1, "rejected": []}
    platform.send()
    answer = post(anonymous, "/insights/kpis", {"period": {"last": "24h"}}, api_key)
    data = answer.json["data"]
    assert answer.status_code == 200
    assert data["events"]["value"] == 3
    assert data["active_customers"]["value"] == 2
    assert data["purchases"]["value"] == 1
    assert data["revenue_minor"]["value"] == 1_000
    assert data["conversion_rate"]["value"] == 0.5
    assert answer.json["envelope"]["tenant"] == "acme"
    assert answer.json["envelope"]["events_read"] == 3


def test_one_bad_event_never_rejects_its_batch(anonymous: Client, api_key: str) -> None:
    bad = raw_event(event_id="bad", occurred_at="yesterday")
    answer = post(anonymous, "/events", {"events": [raw_event(), bad, raw_event()]}, api_key)
    assert answer.status_code == 202
    assert answer.json["accepted"] == 2
    (rejected,) = answer.json["rejected"]
    assert (rejected["index"], rejected["event_id"], rejected["field"], rejected["code"]) == (
        1,
        "bad",
        "occurred_at",
        "invalid",
    )


def test_json_lines_are_taken_and_a_broken_line_spoils_no_other(
    anonymous: Client, api_key: str
) -> None:
    lines = b"\n".join([orjson.dumps(raw_event()), b"{broken", orjson.dumps(raw_event()), b""])
    answer = anonymous.post(
        "/api/v1/events",
        data=lines,
        headers={"X-API-Key": api_key, "Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 202
    assert (answer.json["accepted"], [r["index"] for r in answer.json["rejected"]]) == (2, [1])


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"{not json", 422, "not_json", None),
        (b"[]", 422, "invalid", None),
        (b"{}", 422, "invalid", "events"),
        (b'{"events": 5}', 422, "invalid", "events"),
        (b'{"events": [], "tenant": "outside"}', 422, "unknown_field", "tenant"),
        (orjson.dumps({"events": [{}] * 2_001}), 413, "too_large", "events"),
        (b" " * (4 * 1024 * 1024 + 1), 413, "too_large", None),
    ],
)
def test_a_bad_body_gets_an_error_that_says_what(
    anonymous: Client, api_key: str, body: bytes, status: int, code: str, field: str | None
) -> None:
    answer = anonymous.post("/api/v1/events", data=body, headers={"X-API-Key": api_key})
    error = answer.json["error"]
    assert (answer.status_code, error["code"], error.get("field")) == (status, code, field)
    assert error["request_id"]


def test_a_query_over_the_history_is_computed_by_a_job(
    anonymous: Client, platform: Platform, api_key: str
) -> None:
    platform.send(
        raw_event(customer="a", kind="purchase.completed", minutes_ago=60 * 24 * 10),
        raw_event(customer="b", minutes_ago=60 * 24 * 20),
    )
    answer = post(anonymous, "/insights/kpis", {"period": {"last": "30d"}}, api_key)
    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
    again = post(anonymous, "/insights/kpis", {"period": {"last": "30d"}}, api_key)
    assert again.status_code == 202
    assert run_jobs(platform) == 1, "two requests, one computation"
    answer = post(anonymous, "/insights/kpis", {"period": {"last": "30d"}}, api_key)
    assert answer.status_code == 200
    assert answer.json["data"]["events"]["value"] == 2
    assert answer.json["data"]["events"]["before"] == 0
    assert answer.json["data"]["active_customers"]["standard_error"] is None


def test_live_and_history_give_the_same_kpis(platform: Platform, app: Any, alice: Client) -> None:
    platform.send(
        *[
            raw_event(customer=f"c{n % 7}", kind=kind, minutes_ago=60 * 2.5 * n + 0.5)
            for n in range(19)
            for kind in ("page.viewed", "purchase.completed", "purchase.refunded", "message.sent")
            if kind != "message.sent"
        ]
    )
    live = post(alice, "/insights/kpis", {"period": {"last": "24h"}}).json
    period = live["envelope"]["period"]
    platform.clock.move(days=3)  # type: ignore[attr-defined]
    alice = sign_in(app, "alice")  # nobody stays signed in for so long
    answer = post(alice, "/insights/kpis", {"period": period})
    assert answer.status_code == 202
    run_jobs(platform)
    history = post(alice, "/insights/kpis", {"period": period}).json
    for name in ("events", "active_customers", "new_customers", "purchases", "revenue_minor"):
        assert live["data"][name]["value"] == history["data"][name]["value"], name
        assert live["data"][name]["before"] == history["data"][name]["before"], name
    assert live["data"]["conversion_rate"]["value"] == pytest.approx(
        history["data"]["conversion_rate"]["value"]
    )


@pytest.mark.parametrize(
    ("slug", "query", "status", "field"),
    [
        ("nothing", {}, 404, "slug"),
        ("kpis", [], 422, None),
        ("kpis", {"tenant": "outside"}, 422, "tenant"),
        ("kpis", {"period": {"last": "24 hours"}}, 422, "period.last"),
        ("kpis", {"period": {"last": "1h", "start": "2026-01-01T00:00:00Z"}}, 422, "period"),
        ("kpis", {"channels": "web"}, 422, "channels"),
        ("timeseries", {"bucket": "century"}, 422, "bucket"),
        ("rfm", {"as_of": "2006-12-31"}, 422, "as_of"),
    ],
)
def test_a_bad_query_gets_an_error_that_names_the_field(
    alice: Client, slug: str, query: Any, status: int, field: str | None
) -> None:
    answer = post(alice, f"/insights/{slug}", query)
    assert answer.status_code == status
    assert answer.json["error"].get("field") == field


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "x", ""])
def test_wait_is_bounded(alice: Client, wait: str) -> None:
    answer = post(alice, f"/insights/kpis?wait={wait}", {})
    assert (answer.status_code, answer.json["error"]["field"]) == (422, "wait")


def test_a_csv_needs_the_right_to_export(alice: Client, bob: Client, platform: Platform) -> None:
    platform.send(raw_event())
    query = {"period": {"last": "24h"}}
    refused = post(bob, "/insights/kpis", query, Accept="text/csv")
    assert refused.status_code == 403
    newest = platform.services.audit.page(tenant_id("acme"), limit=1)[0].event
    assert (newest.subject, newest.action, newest.target, newest.after) == (
        "bob", "permission.refused", "api.insight", {"permission": "analytics:export"},
    )  # fmt: skip
    answer = post(alice, "/insights/kpis", query, Accept="text/csv")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    lines = answer.text.splitlines()
    assert lines[0] == "metric,value,before,change,unit,incomplete,standard_error"
    assert lines[1].startswith("events,1,0,")


def test_a_key_does_only_what_it_was_made_for(
    anonymous: Client, platform: Platform, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = frozenset({Permission.ANALYTICS_VIEW})
    key, text = platform.services.accounts.create_key(tenant_id("acme"), "reader", scopes)
    assert post(anonymous, "/events", {"events": []}, text).status_code == 403
    assert post(anonymous, "/insights/kpis", {"period": {"last": "1h"}}, text).status_code == 200
    platform.services.accounts.users.revoke_key(key.key_id)
    monkeypatch.setattr("cip.store.revocations.POLL_SECONDS", -1)
    assert post(anonymous, "/insights/kpis", {}, text).status_code == 401
    assert post(anonymous, "/insights/kpis", {}, text[:-1] + "0").status_code == 401


def test_the_keys_secret_is_not_kept(platform: Platform) -> None:
    scopes = frozenset({Permission.ANALYTICS_VIEW})
    _, text = platform.services.accounts.create_key(tenant_id("acme"), "reader", scopes)
    values: Any = platform.client.hvals(keys.API_KEYS)
    stored = b"".join(values)
    assert text.encode() not in stored
    assert text.split("_")[2].encode() not in stored


@pytest.mark.parametrize(
    "body",
    [
        {"bucket": "minute", "period": {"last": "30d"}},
        {"bucket": "hour", "period": {"last": "5y"}},
    ],
)
def test_what_a_worker_finds_wrong_with_a_question_is_the_askers(
    platform: Platform, anonymous: Client, api_key: str, body: dict[str, object]
) -> None:
    assert post(anonymous, "/insights/timeseries", body, api_key).status_code == 202
    run_jobs(platform)
    answer = post(anonymous, "/insights/timeseries", body, api_key)
    assert answer.status_code == 422
    assert answer.json["error"]["field"] == "bucket"


@pytest.mark.parametrize(
    ("slug", "body", "field"),
    [
        ("kpis", {"period": {"start": "0001-01-01T00:00:00Z", "end": "2020-12-31T00:00:00Z"}},
         "period.start"),
        ("rfm", {"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ("engagement", {"as_of": "9999-12-31T23:59:59-14:00"}, "as_of"),
        ("timeseries", {"period": {"start": "1869-12-31T00:00:00Z", "end": "1900-01-01T00:00:00Z"}},
         "period.start"),
    ],
)  # fmt: skip
def test_the_ends_of_the_calendar_are_refused(
    anonymous: Client, api_key: str, slug: str, body: dict[str, object], field: str
) -> None:
    answer = post(anonymous, f"/insights/{slug}", body, api_key)
    assert answer.status_code == 422
    assert answer.json["error"]["field"] == field
