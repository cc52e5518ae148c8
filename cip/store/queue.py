"""The jobs' queue, as those see it who put something in: a job is named, never imported."""

from __future__ import annotations

from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from cip.domain.errors import UnavailableError
from cip.domain.insights import Queue

COMPUTE_INSIGHT: Final = "cip.compute_insight"
REFRESH_DUE: Final = "cip.refresh_due"
DELETE_HISTORY: Final = "cip.delete_history"
ERASE_CUSTOMERS: Final = "cip.erase_customers"
START_ERASURES: Final = "cip.start_erasures"
LOG_AUDIT_HEADS: Final = "cip.log_audit_heads"
VISIBILITY_SECONDS: Final = 300
_TIMEOUT_SECONDS: Final = 0.5


def celery_app(broker_url: str) -> Celery:
    """The Celery application: JSON alone, no result backend, work acknowledged when done."""
    app = Celery("cip", broker=broker_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_default_queue="interactive",
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_connect_timeout": _TIMEOUT_SECONDS,
            "global_keyprefix": "jobs:",
            "queue_order_strategy": "priority",
        },
        worker_hijack_root_logger=False,
        timezone="UTC",
    )
    return app


class JobQueue:
    def __init__(self, broker_url: str) -> None:
        self._app = celery_app(broker_url)

    def enqueue(self, job: str, arguments: list[Any], queue: Queue) -> None:
        """Raises `UnavailableError` when the broker does not answer."""
        try:
            self._app.send_task(job, args=arguments, queue=queue, retry=False)
        except (OperationalError, OSError) as error:
            raise UnavailableError("The job queue does not answer. Try again shortly.") from error
