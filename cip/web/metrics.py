"""`GET /metrics`: how events flow, for Prometheus. Read from Redis at each scrape, so that every
web worker says the same."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Final

import flask
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cip.domain.errors import NotFoundError, UnauthenticatedError, UnavailableError
from cip.domain.event_flow import EventFlow, GroupFlow
from cip.services.event_flow import EventFlowService, PlatformFlow

_Read = Callable[[GroupFlow], float | None]
_OF_GROUPS: Final[tuple[tuple[str, str, _Read], ...]] = (
    ("cip_ingest_lag_events", "Accepted events that a group has yet to consume.", lambda g: g.lag),
    (
        "cip_ingest_oldest_waiting_seconds",
        "Age of the oldest event that a group has yet to consume; 0 where none waits.",
        lambda group: group.oldest_waiting_seconds or 0,
    ),
    (
        "cip_ingest_alarm",
        "1 while a group stands still for a tenant because it keeps failing.",
        lambda group: int(group.alarm is not None),
    ),
)
_OF_TENANTS: Final[tuple[tuple[str, str, Callable[[EventFlow], int]], ...]] = (
    ("cip_stream_length", "Entries of the event stream.", lambda flow: flow.stream_length),
    ("cip_stream_bytes", "Estimated memory of the event stream.", lambda flow: flow.stream_bytes),
    ("cip_dead_letters", "Events that no consumer could read.", lambda flow: flow.dead_letters),
)


def blueprint(event_flow: EventFlowService, token: str) -> flask.Blueprint:
    """`token`: what the asking program must bear; without one there is no such page."""
    views = flask.Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(_EventFlowCollector(event_flow))

    @views.get("/metrics")
    def metrics() -> ResponseReturnValue:
        if not token:
            raise NotFoundError("There is no such address.")
        _require(token)
        return generate_latest(registry), 200, {"Content-Type": CONTENT_TYPE_LATEST}

    return views


def _require(token: str) -> None:
    kind, _, given = flask.request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    if kind.lower() != "bearer" or not right:
        raise UnauthenticatedError("Send the token of CIP_METRICS_TOKEN as a bearer token.")


class _EventFlowCollector(Collector):
    def __init__(self, event_flow: EventFlowService) -> None:
        self._event_flow = event_flow

    def describe(self) -> list[Metric]:
        """Nothing, or else the registry would read it all to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Without Redis only that it is away: an absent figure alarms, an old one lulls."""
        try:
            flow = self._event_flow.everyones()
        except UnavailableError:
            yield _gauge("cip_redis_up", "Whether Redis answered this scrape.", 0)
            return
        yield _gauge("cip_redis_up", "Whether Redis answered this scrape.", 1)
        yield _gauge("cip_ingest_processes", "Ingest processes that live.", flow.ingest_processes)
        yield from _metrics(flow)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)


def _metrics(platform: PlatformFlow) -> Iterator[Metric]:
    for name, about, of_group in _OF_GROUPS:
        by_group = GaugeMetricFamily(name, about, labels=("tenant", "group"))
        for tenant, flow in platform.tenants.items():
            for group in flow.groups:
                value = of_group(group)
                if value is not None:
                    by_group.add_metric((tenant, group.group), value)
        yield by_group
    for name, about, of_tenant in _OF_TENANTS:
        by_tenant = GaugeMetricFamily(name, about, labels=("tenant",))
        for tenant, flow in platform.tenants.items():
            by_tenant.add_metric((tenant,), of_tenant(flow))
        yield by_tenant
    late = CounterMetricFamily(
        "cip_late_events",
        "Events received more than an hour after they had occurred; starts anew with a rebuild.",
        labels=("tenant",),
    )
    for tenant, flow in platform.tenants.items():
        late.add_metric((tenant,), flow.late_events)
    yield late
