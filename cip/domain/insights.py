"""The registry: every insight by its slug. It holds no code to compute, so that the web process
knows an insight without being able to run it (`cip.compute` binds the code to the slug)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel

from cip.domain import queries, results
from cip.domain.errors import NotFoundError
from cip.domain.permissions import Permission

Queue = Literal["interactive", "heavy"]


@dataclass(frozen=True, slots=True)
class Insight:
    """`max_age`: older than that, a cached result is served marked stale while one job renews it.
    `schedule`: how often the default query is recomputed unasked, if at all."""

    slug: str
    title: str
    query: type[queries.Query]
    result: type[BaseModel]
    permission: Permission = Permission.ANALYTICS_VIEW
    max_age: timedelta = timedelta(minutes=1)
    queue: Queue = "interactive"
    schedule: timedelta | None = None

    def parse_result(self, text: str | bytes) -> results.Result[Any]:
        return results.Result[self.result].model_validate_json(text)  # type: ignore[name-defined]


_ALL: Final = (
    Insight("kpis", "Key figures", queries.KpisQuery, results.Kpis),
    Insight("timeseries", "Figures over time", queries.TimeseriesQuery, results.Timeseries),
    Insight(
        "rfm",
        "Recency, frequency and monetary value",
        queries.RfmQuery,
        results.Rfm,
        max_age=timedelta(minutes=10),
        schedule=timedelta(hours=1),
    ),
    Insight(
        "engagement",
        "Mean engagement",
        queries.EngagementQuery,
        results.Engagement,
        max_age=timedelta(minutes=10),
        schedule=timedelta(hours=1),
    ),
)
INSIGHTS: Final = MappingProxyType({insight.slug: insight for insight in _ALL})


def insight(slug: str) -> Insight:
    """Raises `NotFoundError` for a slug that is not in the registry."""
    try:
        return INSIGHTS[slug]
    except KeyError:
        raise NotFoundError("There is no such insight.", field="slug") from None
