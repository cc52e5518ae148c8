"""The Celery application that workers and beat run: `celery -A cip.jobs.app:app …`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from celery import Celery, Task
from celery.signals import setup_logging

from cip import logs, settings
from cip.jobs import tasks
from cip.services import Services, make_services
from cip.store.queue import COMPUTE_INSIGHT, REFRESH_DUE, celery_app

REFRESH_EVERY_SECONDS: Final = 60.0
_SETTINGS: Final = settings.load()

app: Celery = celery_app(_SETTINGS.broker_url)
app.conf.beat_schedule = {
    "refresh-due": {"task": REFRESH_DUE, "schedule": REFRESH_EVERY_SECONDS},
}


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_json(**_: object) -> None:
    logs.configure("jobs")


@cache
def _services() -> Services:
    """Connections of this worker child, made after the fork."""
    return make_services(_SETTINGS.redis_url, _SETTINGS.broker_url)


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
