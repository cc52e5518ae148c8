"""The queries that one state of the home page's filters means."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

from callbacks._panels import zone_of
from cip.domain.principals import Principal
from cip.domain.queries import Bucket, KpisQuery, Metric, Period, TimeseriesQuery
from layouts.filters import HomeFilters, home_filters
from layouts.home_views import whole_values

if TYPE_CHECKING:
    from cip.services import Services
    from cip.services.outcomes import Outcome

# Longest window → buckets of the stacked chart; buckets of revenue and the sparklines.
_BUCKETS: Final[tuple[tuple[timedelta, Bucket, Bucket], ...]] = (
    (timedelta(hours=3), "minute", "five_minutes"),
    (timedelta(days=2), "five_minutes", "hour"),
    (timedelta(days=8), "hour", "day"),
    (timedelta(days=100), "day", "day"),
    (timedelta(days=750), "week", "week"),
)
_LINES: Final[tuple[Metric, ...]] = (
    "events",
    "active_customers",
    "new_customers",
    "revenue_minor",
)


def fine_bucket(filters: HomeFilters) -> Bucket:
    """Buckets of the stacked chart: some 50 to 290 of them, whatever the window."""
    return next((fine for most, fine, _ in _BUCKETS if filters.length <= most), "month")


def coarse_bucket(filters: HomeFilters) -> Bucket:
    """Buckets of bars and sparklines: some 7 to 100."""
    return next((coarse for most, _, coarse in _BUCKETS if filters.length <= most), "month")


class Asker:
    """`search`: the filters as the page posts them, checked here."""

    def __init__(self, services: Services, principal: Principal, search: object) -> None:
        self.filters = home_filters(search)
        self._services = services
        self._principal = principal

    @cached_property
    def _period(self) -> Period:
        return self.filters.window(self._zone())

    def kpis(self) -> KpisQuery:
        filters = self.filters
        return KpisQuery(period=self._period, compare=filters.against, channels=filters.channels)

    def events(self) -> TimeseriesQuery:
        return self._series("events", fine_bucket(self.filters), "type")

    def revenue(self) -> TimeseriesQuery:
        return self._series("revenue_minor", coarse_bucket(self.filters))

    def channels(self) -> TimeseriesQuery:
        # All channels, also those that are filtered out: the filter's choices come from them.
        query = self._series("events", coarse_bucket(self.filters), "channel")
        return query.model_copy(update={"channels": ()})

    def strip(self) -> tuple[Outcome, dict[str, tuple[float, ...]]]:
        """The strip's figures and its sparklines, of one version of the data; a line whose series
        is still being computed is left out."""
        bucket = coarse_bucket(self.filters)
        wanted: dict[str, TimeseriesQuery] = {}
        wanted.update((metric, self._series(metric, bucket)) for metric in _LINES)
        wanted["active_now"] = self._last_hour()
        figures, *lines = self._services.insights.ask_all(
            self._principal,
            [("kpis", self.kpis()), *(("timeseries", query) for query in wanted.values())],
        )
        found = zip(wanted, lines, strict=True)
        return figures, {
            name: whole_values(line.result.data) for name, line in found if line.result is not None
        }

    def _last_hour(self) -> TimeseriesQuery:
        """Who was active in each five minutes of the last hour, whatever the period is."""
        return TimeseriesQuery(
            metric="active_customers",
            bucket="five_minutes",
            period=Period(last="1h"),
            channels=self.filters.channels,
        )

    def _series(
        self, metric: Metric, bucket: Bucket, split_by: Literal["type", "channel"] | None = None
    ) -> TimeseriesQuery:
        return TimeseriesQuery(
            metric=metric,
            bucket=bucket,
            split_by=split_by,
            period=self._period,
            channels=self.filters.channels,
        )

    def _zone(self) -> ZoneInfo:
        """Only days of the calendar need the tenant's timezone; windows up to now do not."""
        if self.filters.start is None:
            return ZoneInfo("UTC")
        return zone_of(self._services, self._principal)
