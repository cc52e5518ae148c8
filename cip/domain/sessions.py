"""Browser sessions: how long one lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from cip.domain.users import CheckedTenantId

IDLE: Final = timedelta(hours=8)
ABSOLUTE: Final = timedelta(hours=24)
# Of a browser that asked to be remembered: both limits.
REMEMBERED: Final = timedelta(days=30)


class Session(BaseModel):
    """A browser that is signed in, acting in one tenant. `id` is the digest of what its cookie
    holds. `seen_at`: the last thing that a person did (no tick), to the minute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    username: str
    tenant: CheckedTenantId
    remember: bool
    address: str
    agent: str
    created_at: AwareDatetime
    seen_at: AwareDatetime

    @property
    def ends_at(self) -> AwareDatetime:
        """When it ends by itself unless somebody does something before."""
        idle, absolute = (REMEMBERED, REMEMBERED) if self.remember else (IDLE, ABSOLUTE)
        return min(self.seen_at + idle, self.created_at + absolute)
