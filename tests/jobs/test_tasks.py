"""What becomes of a computation that does not end as it should."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
import redis

from cip.compute.run import run
from cip.domain.errors import InvalidInputError, UnavailableError
from cip.domain.queries import RfmQuery
from cip.ingest.rebuild import rebuild_live
from cip.jobs import tasks
from cip.store.results import ResultStore
from tests.factories import Platform, raw_event, tenant

ACME = tenant().id


@pytest.fixture
def job(platform: Platform) -> tasks.Job:
    """A queued computation, its lease taken by whoever asked."""
    platform.send(raw_event())
    query = RfmQuery().model_dump(mode="json")
    name = tasks.Job(ACME, "rfm", query, 0, "").name
    lease = ResultStore(platform.client, ACME).lease("rfm", name)
    assert lease.acquire()
    return tasks.Job(ACME, "rfm", query, 0, lease.token)


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(tasks, "run", run)


def work(platform: Platform, job: tasks.Job) -> None:
    """As the worker does it."""
    try:
        tasks.compute_insight(job, platform.services, platform.history_root, platform.clock)
    except Exception as error:  # noqa: BLE001 - whatever it is, as Celery does
        tasks.broke(job, error, platform.client)


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("gone"), redis.TimeoutError("late"), UnavailableError("away")]
)
def test_a_store_that_was_away_is_no_failure_and_the_next_one_may_start(
    platform: Platform, job: tasks.Job, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    store = ResultStore(platform.client, ACME)
    fail(monkeypatch, error)
    work(platform, job)
    assert store.get("rfm", job.name) is None
    assert store.lease("rfm", job.name).acquire()


@pytest.mark.parametrize(
    ("error", "code"),
    [(ZeroDivisionError("inside"), b"computation_failed"), (InvalidInputError("so"), b"so")],
)
def test_any_other_end_is_told(
    platform: Platform,
    job: tasks.Job,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: bytes,
) -> None:
    store = ResultStore(platform.client, ACME)
    fail(monkeypatch, error)
    work(platform, job)
    told = store.get("rfm", job.name)
    assert told is not None
    assert code in told
    assert b"inside" not in told
    assert store.lease("rfm", job.name).acquire()


def test_what_was_computed_from_a_history_that_is_erased_by_then_is_not_published(
    platform: Platform, job: tasks.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_slowly(*given: Any, **named: Any) -> Any:
        result = run(*given, **named)
        rebuild_live(platform.client, platform.history_root, ACME, platform.clock)
        return result

    monkeypatch.setattr(tasks, "run", run_slowly)
    work(platform, job)
    assert ResultStore(platform.client, ACME).get("rfm", job.name) is None
