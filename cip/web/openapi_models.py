"""What the API takes and answers, as its document tells it. Nothing is read by these models: an
event has one parser, in the domain."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cip.domain.events import (
    MAX_CHANNEL_CHARACTERS,
    MAX_EVENTS_PER_REQUEST,
    MAX_ID_CHARACTERS,
    MAX_TYPE_CHARACTERS,
)

Text = Annotated[str, Field(min_length=1, max_length=256)]
Identifier = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS)]


class Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(Told):
    username: Text
    password: Text
    tenant: Text | None = Field(
        default=None, description="Which one, for somebody who belongs to several."
    )


class Refreshing(Told):
    refresh_token: Annotated[str, Field(min_length=1, max_length=4_096)]


class Tokens(Told):
    access_token: str
    refresh_token: str = Field(description="Works once.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds that the access token lasts.")
    tenant: str


class EventIn(Told):
    """One thing that a customer did."""

    event_id: Identifier = Field(
        description="Counts once within seven days, so that a request may be sent again."
    )
    customer_id: Identifier
    type: Annotated[str, Field(min_length=1, max_length=MAX_TYPE_CHARACTERS)]
    occurred_at: Annotated[str, Field(max_length=64)] = Field(
        description="ISO 8601; without a zone it is in the tenant's. At most 24 hours ahead."
    )
    channel: Annotated[str, Field(max_length=MAX_CHANNEL_CHARACTERS)] | None = None
    properties: dict[str, Any] | None = Field(
        default=None,
        description="Flat, at most 32 KB. `items` of a purchase and `traits` of an"
        " identification may be nested.",
    )


class Events(Told):
    # Each event is judged by its own: one that is none of these spoils no other.
    events: Annotated[list[EventIn], Field(max_length=MAX_EVENTS_PER_REQUEST)]


class RejectedOne(Told):
    """Why one event was not taken."""

    index: int = Field(description="Its place in the request, from 0.")
    event_id: str | None
    field: str | None
    code: str
    message: str


class EventsAnswer(Told):
    accepted: int
    duplicates: int
    rejected: list[RejectedOne]


class InsightLine(Told):
    slug: str
    title: str
    query: dict[str, Any] = Field(description="The JSON schema of its query.")
    max_age_seconds: float


class InsightList(Told):
    insights: list[InsightLine]


class Waiting(Told):
    """It is being computed: ask again after `Retry-After` seconds, or with `wait`."""

    status: str


class Fault(Told):
    code: str = Field(description="Stable, for programs.")
    message: str = Field(description="For people.")
    field: str | None = Field(default=None, description="What of the input is at fault.")
    request_id: str


class ErrorAnswer(Told):
    error: Fault
