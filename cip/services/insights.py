"""Answers the insights: from the live counters, from a published result, or by a job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from pydantic import ValidationError

from cip.domain.errors import CipError, InvalidInputError, UnavailableError
from cip.domain.events import instant, microseconds
from cip.domain.insights import INSIGHTS, Insight
from cip.domain.insights import insight as find_insight
from cip.domain.periods import MINUTE
from cip.domain.principals import Principal
from cip.domain.queries import EngagementQuery, KpisQuery, Query, TimeseriesQuery
from cip.domain.results import Engagement, Result
from cip.domain.tenants import TenantId
from cip.services.base import Resources
from cip.services.live_insights import LiveInsights
from cip.services.outcomes import Outcome, problem
from cip.store.client import required
from cip.store.connector import AnalyticsConnector
from cip.store.live_shape import MICROSECONDS_PER_MINUTE
from cip.store.queue import COMPUTE_INSIGHT, JobQueue
from cip.store.results import ResultStore, digest

MAX_WAIT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a question is answered from: the data as it was seen once, at `now`."""

    connector: AnalyticsConnector
    now: datetime
    newest: datetime | None
    generation: int
    version: str


class InsightService:
    """The one way to a figure: pages, API and exports all come through here."""

    def __init__(self, resources: Resources, queue: JobQueue) -> None:
        self._resources = resources
        self._queue = queue

    def ask(self, principal: Principal, slug: str, query: Query) -> Outcome:
        """The state of the answer now; never waits, and tells of failures by value."""
        return self.ask_all(principal, [(slug, query)])[0]

    def ask_all(
        self, principal: Principal, questions: Sequence[tuple[str, Query]]
    ) -> list[Outcome]:
        """Answers from one version of the data, each as `ask` gives it."""
        try:
            seen = self._see(principal)
        except UnavailableError as error:
            return [self._failed("unreachable", error)] * len(questions)
        return [self._ask(principal, slug, query, seen) for slug, query in questions]

    def fetch(
        self, principal: Principal, slug: str, query: Query, *, wait_seconds: float = 0
    ) -> Outcome:
        """The answer, waiting up to `wait_seconds` for a computation; raises `CipError`.

        Then the state is `ready`, `stale` (an older result, its renewal still under way), or
        `pending`.
        """
        insight = _allowed(principal, slug, query)
        deadline = time.monotonic() + min(wait_seconds, MAX_WAIT_SECONDS)
        while True:
            outcome = self._look(principal, insight, query, self._see(principal))
            if outcome.state == "ready" or time.monotonic() >= deadline:
                return outcome
            time.sleep(_POLL_SECONDS)

    def refresh_due(self, tenant: TenantId) -> int:
        """Starts the scheduled insights whose published default answer is due; how many."""
        started = 0
        connector = self._resources.connector(tenant)
        with required():
            generation, changes = connector.live.version()
        for insight in INSIGHTS.values():
            query = insight.query()
            name = digest(insight.slug, query, generation)
            if insight.schedule is None:
                continue
            with required():
                result = connector.published(insight, name, f"{generation}.{changes}")
                now = self._resources.clock()
                if result is None or now - result.envelope.computed_at >= insight.schedule:
                    self._start(tenant, insight, query, name, generation)
                    started += 1
        return started

    def _see(self, principal: Principal) -> _Seen:
        connector = self._resources.connector(principal.tenant)
        with required():
            generation, changes = connector.live.version()
            version = f"{generation}.{changes}"
            newest = _newest(connector, generation, version)
        return _Seen(connector, self._resources.clock(), newest, generation, version)

    def _ask(self, principal: Principal, slug: str, query: Query, seen: _Seen) -> Outcome:
        try:
            insight = _allowed(principal, slug, query)
            if seen.newest is None:
                return Outcome("empty")
            return self._look(principal, insight, query, seen)
        except UnavailableError as error:
            return self._failed("unreachable", error)
        except CipError as error:
            return self._failed("error", error)

    def _look(self, principal: Principal, insight: Insight, query: Query, seen: _Seen) -> Outcome:
        with required():
            live = self._live(principal, query, seen)
            if live is not None:
                return Outcome("ready", live)
            return self._published(principal, insight, query, seen)

    def _live(self, principal: Principal, query: Query, seen: _Seen) -> Result[Any] | None:
        if not isinstance(query, KpisQuery | TimeseriesQuery):
            return None

        def compute() -> Result[Any] | None:
            tenant = self._resources.tenant(principal.tenant)
            # The strip, its sparklines and the charts beside it read mostly the same pieces.
            counters = self._resources.tenant_values.get(
                (principal.tenant, "counters", seen.version), seen.connector.live.remembering
            )
            live = LiveInsights(counters, tenant, seen.generation)
            if isinstance(query, TimeseriesQuery):
                return live.timeseries(
                    query, now=seen.now, newest=seen.newest, version=seen.version
                )
            return live.kpis(
                query,
                now=seen.now,
                newest=seen.newest,
                version=seen.version,
                engagement=lambda: self._engagement(principal, query, seen),
            )

        minute = microseconds(seen.now) // MICROSECONDS_PER_MINUTE
        return seen.connector.cached((query, type(query), seen.version, minute), compute)

    def _engagement(self, principal: Principal, query: KpisQuery, seen: _Seen) -> Engagement | None:
        """The part of the strip that counters cannot tell; absent until a job has found it."""
        asked = _engagement_query(query, seen.now)
        outcome = self._published(principal, INSIGHTS["engagement"], asked, seen)
        data = outcome.result.data if outcome.result else None
        return data if isinstance(data, Engagement) else None

    def _published(
        self, principal: Principal, insight: Insight, query: Query, seen: _Seen
    ) -> Outcome:
        name = digest(insight.slug, query, seen.generation)
        result = seen.connector.published(insight, name, seen.version)
        if result is not None and seen.now - result.envelope.computed_at <= insight.max_age:
            return Outcome("ready", result)
        self._start(principal.tenant, insight, query, name, seen.generation)
        if result is None:
            return Outcome("pending", refreshing=True)
        envelope = result.envelope.model_copy(update={"source": "stale"})
        return Outcome("stale", result.model_copy(update={"envelope": envelope}), refreshing=True)

    def _start(
        self, tenant: TenantId, insight: Insight, query: Query, name: str, generation: int
    ) -> None:
        """Puts one job into the queue, unless one is under way."""
        lease = ResultStore(self._resources.writes, tenant).lease(insight.slug, name)
        if not lease.acquire():
            return
        try:
            self._queue.enqueue(
                COMPUTE_INSIGHT,
                [
                    tenant,
                    insight.slug,
                    query.model_dump(mode="json"),
                    generation,
                    lease.token,
                ],
                insight.queue,
            )
        except UnavailableError:
            lease.release()
            raise

    def _failed(self, state: Any, error: CipError) -> Outcome:
        return Outcome(
            state,
            problem=problem(error, self._resources.request_id(), self._resources.clock()),
        )


def _engagement_query(query: KpisQuery, now: datetime) -> EngagementQuery:
    """As of the window's end (now, while it runs), against its start."""
    period = query.period
    if period is None or period.start is None or period.end is None:
        return EngagementQuery(against=period.last if period and period.last else "24h")
    minutes = max(1, (period.end - period.start) // MINUTE)
    as_of = period.end if period.end <= now else None
    return EngagementQuery(as_of=as_of, against=f"{minutes}m")


def parse_query(slug: str, body: object) -> tuple[Insight, Query]:
    """The insight and its query from a JSON body; `InvalidInputError` names the field."""
    insight = find_insight(slug)
    if not isinstance(body, dict):
        raise InvalidInputError("The query is a JSON object.")
    try:
        return insight, insight.query.model_validate_json(orjson.dumps(body))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or None
        raise InvalidInputError(str(first["msg"]), field=place) from error


def _allowed(principal: Principal, slug: str, query: Query) -> Insight:
    insight = find_insight(slug)
    principal.require(insight.permission)
    if not isinstance(query, insight.query):
        raise InvalidInputError("This query belongs to another insight.", field="query")
    return insight


def _newest(connector: AnalyticsConnector, generation: int, version: str) -> datetime | None:
    newest_us = connector.cached(("newest", version), lambda: connector.live.newest_us(generation))
    return None if newest_us is None else instant(newest_us)
