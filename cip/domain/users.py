"""Users, and the keys that programs use."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from cip.domain.permissions import Permission, Role
from cip.domain.tenants import TenantId, tenant_id

CheckedTenantId = Annotated[TenantId, AfterValidator(tenant_id)]


class User(BaseModel):
    """A person who may sign in. `memberships` holds a role per tenant; `home` is where they
    land. `epoch` grows with every change that ends the person's sessions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str = Field(pattern=r"^[a-z0-9][a-z0-9._@+-]{0,119}$")
    name: str = Field(min_length=1, max_length=120)
    password_hash: str
    memberships: dict[CheckedTenantId, Role]
    home: CheckedTenantId
    super_admin: bool = False
    disabled: bool = False
    demo: bool = False
    epoch: int = 0
    created_at: AwareDatetime


class ApiKey(BaseModel):
    """A program's credential, kept as a digest; the secret is shown once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    digest: str
    tenant: CheckedTenantId
    label: str = Field(min_length=1, max_length=120)
    permissions: frozenset[Permission]
    created_at: AwareDatetime
    revoked: bool = False
