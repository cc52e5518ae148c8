"""The tasks, as functions of what they need; `cip.jobs.app` gives them to Celery."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from cip import failpoints
from cip.compute.run import run
from cip.domain.errors import CipError, InvalidInputError, UnavailableError
from cip.domain.insights import insight
from cip.domain.tenants import TenantId, tenant_id
from cip.history.removal import remove_history
from cip.services import Services
from cip.store import keys
from cip.store.client import AWAY, Redis
from cip.store.erasures import Erasures
from cip.store.leases import Lease
from cip.store.live import LiveCounters
from cip.store.removal import TenantRemoval
from cip.store.results import RUNNING_MS, ResultStore, digest

log = structlog.get_logger(__name__)
FAILED: Final = {
    "code": "computation_failed",
    "message": "The computation failed. It is tried again shortly.",
    "field": None,
}


@dataclass(frozen=True, slots=True)
class Job:
    """One computation, as it was put into the queue. `token` carries the single-flight lease."""

    tenant: TenantId
    slug: str
    query: Mapping[str, Any]
    generation: int
    token: str

    @property
    def name(self) -> str:
        return digest(self.slug, self.parsed_query(), self.generation)

    def parsed_query(self) -> Any:
        return insight(self.slug).query.model_validate(dict(self.query))

    @classmethod
    def of(
        cls, tenant: str, slug: str, query: Mapping[str, Any], generation: int, token: str
    ) -> Job:
        return cls(tenant_id(tenant), slug, query, generation, token)


def compute_insight(
    job: Job, services: Services, history_root: str, clock: Callable[[], datetime]
) -> None:
    """Computes and publishes. What the platform can explain is published as a failure; anything
    else is left to the caller, who calls `broke`."""
    writes = services.resources.writes
    store = ResultStore(writes, job.tenant)
    lease = store.running(job.slug, job.name, job.token)
    with _kept(lease):
        try:
            result = run(
                job.slug,
                job.parsed_query(),
                tenant=services.resources.tenant(job.tenant),
                history_root=history_root,
                generation=job.generation,
                now=clock(),
            )
        except UnavailableError:
            raise
        except CipError as error:
            failure = {
                "code": error.code,
                "message": error.message,
                "field": error.field,
                "invalid": isinstance(error, InvalidInputError),
            }
            store.publish_failure(job.slug, job.name, failure)
        else:
            # Rebuilt meanwhile, after an erasure maybe: nobody asks for the former any more.
            if LiveCounters(writes, job.tenant).generation() == job.generation:
                text = result.model_dump_json(by_alias=True).encode()
                failpoints.hit("job.before_publish")
                store.publish(job.slug, job.name, text)
                failpoints.hit("job.after_publish")
    lease.release()


def broke(job: Job, error: BaseException, client: Redis) -> None:
    """A store that was away for a moment is no failure of the computation: the lease is given up,
    and whoever still waits for the answer starts it again. Anything else is reported."""
    if isinstance(error, (*AWAY, UnavailableError)):
        ResultStore(client, job.tenant).running(job.slug, job.name, job.token).release()
    else:
        report_failure(job, client)


def report_failure(job: Job, client: Redis) -> None:
    """Says that the computation broke, in words that tell nothing of its inside."""
    store = ResultStore(client, job.tenant)
    store.publish_failure(job.slug, job.name, dict(FAILED))
    store.running(job.slug, job.name, job.token).release()


def refresh_due(services: Services) -> int:
    """Starts what is due for every tenant that is not suspended; how many computations."""
    return sum(
        services.insights.refresh_due(tenant.id)
        for tenant in services.resources.tenants.all()
        if not tenant.suspended
    )


def delete_history(tenant: TenantId, services: Services, history_root: str) -> bool:
    """Deletes the history of a tenant that is being removed, and what ingest wrote meanwhile.
    False while the tenant is registered or somebody still consumes its stream: try again."""
    resources = services.resources
    removal = TenantRemoval(resources.reads, resources.writes)
    if tenant not in removal.under_way():
        return True
    lease = Lease(resources.writes, keys.ingest_lease(tenant), RUNNING_MS)
    if tenant in resources.tenants.ids() or not lease.acquire():
        return False
    with _kept(lease):
        remove_history(history_root, tenant)
    removal.remove_keys(tenant)
    lease.release()
    removal.finished(tenant)
    return True


def start_erasures(services: Services) -> int:
    """Starts what there is to erase: a job may have been lost, and the last step has its time. How
    many jobs."""
    resources = services.resources
    now = resources.clock()
    due = [
        tenant
        for tenant in resources.tenants.ids()
        if any(one.is_due(now) for one in Erasures(resources.reads, tenant).unfinished())
    ]
    for tenant in due:
        services.erasure.start(tenant)
    return len(due)


def log_audit_heads(services: Services) -> None:
    """Logs the head of the platform's audit log and of every tenant's, sealed by today's secret."""
    services.audit.tend_heads(services.resources.tenants.ids())


@contextmanager
def _kept(lease: Lease) -> Iterator[None]:
    """Extends the lease while the block runs; it lapses soon after a killed worker."""
    done = threading.Event()

    def beat() -> None:
        while True:
            with suppress(*AWAY):  # the next beat may find it back
                lease.extend()
            if done.wait(RUNNING_MS / 3000):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
