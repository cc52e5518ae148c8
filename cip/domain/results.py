"""What an insight answers: an envelope that says where the figures come from, and the figures."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

Source = Literal["live", "stale", "demo"]
Unit = Literal["count", "minor", "share", "score"]


class Frozen(BaseModel):
    """Base of all results: values never change, unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(Frozen):
    """`start` inclusive, `end` exclusive."""

    start: AwareDatetime
    end: AwareDatetime


class Envelope(Frozen):
    """How old a result is and what it was computed from.

    `as_of` is the newest event it saw; `events_read` counts the events of its windows, where its
    figures count events;
    `dataset_version` names the state of the data; `source` is `live` for figures computed from
    the tenant's events, `stale` when they are older than the insight allows, `demo` for the
    synthetic fallback.
    """

    schema_: str = Field(
        serialization_alias="schema", validation_alias=AliasChoices("schema", "schema_")
    )
    tenant: str
    computed_at: AwareDatetime
    as_of: AwareDatetime | None
    events_read: int
    dataset_version: str
    source: Source = "live"
    period: Window | None = None
    compared_with: Window | None = None
    currency: str
    timezone: str


class Kpi(Frozen):
    """One figure and the same figure of the window before.

    `change` = (value - before) / |before|; null without a baseline. `incomplete`: the window
    is not over yet. `standard_error` is given (in the value's unit) where the figure is an
    estimate.
    """

    value: int | float | None
    before: int | float | None = None
    change: float | None = None
    unit: Unit
    incomplete: bool = False
    standard_error: float | None = None


class Kpis(Frozen):
    """The KPI strip. Money in minor units, shares from 0 to 1, engagement from 0 to 100."""

    events: Kpi
    active_customers: Kpi
    active_now: Kpi
    new_customers: Kpi
    conversations: Kpi
    messages: Kpi
    purchases: Kpi
    revenue_minor: Kpi
    average_order_minor: Kpi
    conversion_rate: Kpi
    engagement_mean: Kpi


class Point(Frozen):
    """One bucket: its start, its value, the split's `key`, and whether it is over yet."""

    start: AwareDatetime
    value: int | float
    key: str | None = None
    incomplete: bool = False


class Timeseries(Frozen):
    metric: str
    bucket: str
    unit: Unit
    points: tuple[Point, ...]


class RfmCell(Frozen):
    """Customers with one triple of scores (1 to 5, 5 is best)."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    revenue_minor: int


class RfmSegment(Frozen):
    """Customers that the first matching rule names so. Means are over the segment's customers."""

    name: str
    customers: int
    revenue_minor: int
    share_of_customers: float
    share_of_revenue: float
    mean_days_since_last_purchase: float
    mean_purchases: float
    mean_revenue_minor: float


class Rfm(Frozen):
    """RFM of all customers with a purchase up to `as_of`."""

    method: Literal["rank", "r7"]
    as_of: AwareDatetime
    customers: int
    revenue_minor: int
    cells: tuple[RfmCell, ...]
    segments: tuple[RfmSegment, ...]


class Engagement(Frozen):
    """Mean engagement score of the customers active in the 28 days to `as_of`."""

    value: float | None
    before: float | None
    customers: int


Data = TypeVar("Data", bound=BaseModel)


class Result(BaseModel, Generic[Data]):
    """What is published, cached, served and drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    envelope: Envelope
    data: Data


class FeedEvent(Frozen):
    """One line of the feed of newest events."""

    stream_id: str
    occurred_at: AwareDatetime
    type: str
    customer_id: str
    channel: str
    detail: str
