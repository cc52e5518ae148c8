"""Users, and the keys that programs use."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from cip.domain.permissions import Permission, Role
from cip.domain.tenants import TenantId, first_epoch, tenant_id

CheckedTenantId = Annotated[TenantId, AfterValidator(tenant_id)]


class User(BaseModel):
    """A person who may sign in. `memberships` holds a role per tenant; `home` is where they
    land. `epoch` grows with every change that outdates the person's access tokens;
    `refresh_epochs` by tenant and, under "", in all, with those that end what programs hold.
    Without a password hash nobody can sign in: the person has been invited."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str = Field(pattern=r"^[a-z0-9][a-z0-9._@+-]{0,119}$")
    name: str = Field(min_length=1, max_length=120)
    password_hash: str
    memberships: dict[CheckedTenantId, Role]
    home: CheckedTenantId
    super_admin: bool = False
    disabled: bool = False
    demo: bool = False
    created_at: AwareDatetime
    epoch: int = Field(default_factory=first_epoch)
    refresh_epochs: dict[str, int] = Field(default_factory=dict)

    def refresh_epoch(self, tenant: str) -> int:
        """A refresh token of another epoch is not valid any more."""
        begun = first_epoch({"created_at": self.created_at})
        return begun + self.refresh_epochs.get("", 0) + self.refresh_epochs.get(tenant, 0)


class ApiKey(BaseModel):
    """A program's credential, kept as a digest; the secret is shown once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    digest: str
    tenant: CheckedTenantId
    label: str = Field(min_length=1, max_length=120)
    permissions: frozenset[Permission]
    created_at: AwareDatetime
    created_by: str = ""
    revoked: bool = False


class Invitation(BaseModel):
    """A place that waits for its owner, who sets the password with a code that works once. Only
    the code's digest is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    username: str
    invited_by: str
    expires_at: AwareDatetime
