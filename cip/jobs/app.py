"""The Celery application that workers and beat run: `celery -A cip.jobs.app:app …`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import setup_logging

from cip import logs, settings
from cip.auth.keyring import KeyRing
from cip.domain.tenants import tenant_id
from cip.jobs import tasks
from cip.services import Services, make_services
from cip.store.queue import (
    COMPUTE_INSIGHT,
    DELETE_HISTORY,
    LOG_AUDIT_HEADS,
    REFRESH_DUE,
    START_ERASURES,
    celery_app,
)

REFRESH_EVERY_SECONDS: Final = 60.0
ERASE_EVERY_SECONDS: Final = 60.0
# An ingest process lets go of a deleted tenant within seconds; one that is away may take long.
DELETE_AGAIN_SECONDS: Final = 10
DELETE_TRIES: Final = 8_640
_SETTINGS: Final = settings.load()

app: Celery = celery_app(_SETTINGS.broker_url)
app.conf.beat_schedule = {
    "refresh-due": {"task": REFRESH_DUE, "schedule": REFRESH_EVERY_SECONDS},
    "start-erasures": {"task": START_ERASURES, "schedule": ERASE_EVERY_SECONDS},
    # At hours of the clock, and several a day: an interval would begin anew with each restart.
    "log-audit-heads": {"task": LOG_AUDIT_HEADS, "schedule": crontab("7", "*/6")},
}


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_json(**_: object) -> None:
    logs.configure("jobs")


@cache
def _services() -> Services:
    """Connections of this worker child, made after the fork."""
    keys = KeyRing(_SETTINGS.secret_key, _SETTINGS.previous_secret_key)
    return make_services(_SETTINGS.redis_url, _SETTINGS.broker_url, keys)


class ComputeTask(Task):  # type: ignore[misc]
    """Publishes an unexpected failure, so that the page that waits is told."""

    def on_failure(self, exc: Exception, _id: str, args: Any, _kwargs: Any, _info: Any) -> None:
        tasks.broke(tasks.Job.of(*args), exc, _services().resources.writes)


@app.task(name=COMPUTE_INSIGHT, base=ComputeTask)  # type: ignore[untyped-decorator]
def compute_insight(
    tenant: str, slug: str, query: dict[str, Any], generation: int, token: str
) -> None:
    job = tasks.Job.of(tenant, slug, query, generation, token)
    tasks.compute_insight(job, _services(), _SETTINGS.history_url, lambda: datetime.now(UTC))


@app.task(name=REFRESH_DUE)  # type: ignore[untyped-decorator]
def refresh_due() -> None:
    tasks.refresh_due(_services())


@app.task(name=DELETE_HISTORY, bind=True, max_retries=DELETE_TRIES)  # type: ignore[untyped-decorator]
def delete_history(task: Any, tenant: str) -> None:
    if not tasks.delete_history(tenant_id(tenant), _services(), _SETTINGS.history_url):
        raise task.retry(countdown=DELETE_AGAIN_SECONDS)


@app.task(name=LOG_AUDIT_HEADS)  # type: ignore[untyped-decorator]
def log_audit_heads() -> None:
    tasks.log_audit_heads(_services())


@app.task(name=START_ERASURES)  # type: ignore[untyped-decorator]
def start_erasures() -> None:
    tasks.start_erasures(_services())
