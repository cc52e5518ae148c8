"""Tenants: whose data it is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cip.domain.errors import InvalidInputError

TenantId = NewType("TenantId", str)

# No brace, star, colon or NUL may ever reach a Redis key.
_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{1,62}")


def tenant_id(value: str) -> TenantId:
    """The checked tenant id; `InvalidInputError` names the rule when it does not fit."""
    if not _TENANT_ID.fullmatch(value):
        raise InvalidInputError(
            "A tenant id is 2 to 63 characters: lower-case letters, digits, '-' and '_', "
            "beginning with a letter or digit.",
            field="tenant",
        )
    return TenantId(value)


def first_epoch(fields: dict[str, Any]) -> int:
    """Where a new record's epoch begins: past any that an earlier record of its name reached, since
    what outdated that one's tokens is still known."""
    created_at: datetime = fields["created_at"]
    return int(created_at.timestamp() * 1_000)


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA timezone") from error
    return name


class Tenant(BaseModel):
    """A tenant's own settings. Times of its events without a zone are in `timezone`. `epoch` grows
    with every change that outdates the tokens of all its people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[TenantId, AfterValidator(tenant_id)]
    name: str = Field(min_length=1, max_length=120)
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    week_start: Literal["monday", "sunday"] = "monday"
    retention_days: int | None = Field(default=None, ge=1)
    demo: bool = False
    suspended: bool = False
    created_at: datetime
    epoch: int = Field(default_factory=first_epoch)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
