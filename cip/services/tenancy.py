"""Tenants: their own settings, and the platform's list of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from cip.domain.audit import Scalar
from cip.domain.errors import ConflictError, InvalidInputError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.tenants import Tenant, TenantId, tenant_id
from cip.services.accounts import AccountService
from cip.services.audit import AuditService
from cip.services.base import Resources
from cip.services.insights import InsightService
from cip.services.sessions import SessionService
from cip.services.tenant_figures import EventsOfDay, FiguresOfTenants, TenantFigures
from cip.services.tenant_removal import RemovalOfTenants
from cip.store.queue import JobQueue
from cip.store.removal import TenantRemoval

# What a tenant's administrators set, and what each takes.
RULES: Final[Mapping[str, str]] = {
    "name": "A name is 1 to 120 characters.",
    "timezone": "A timezone is an IANA name, such as Europe/Berlin.",
    "currency": "A currency is three capital letters, such as EUR.",
    "week_start": "A week starts on monday or sunday.",
    "retention_days": "Events are kept for a whole number of days, 1 at least, or for ever.",
}


@dataclass(frozen=True, slots=True)
class Overview:
    """A tenant's use. `people` and `keys`: those that could come in. `per_day`: events of the
    last seven days, None while they are being computed."""

    people: int
    keys: int
    events_in_stream: int
    per_day: tuple[EventsOfDay, ...] | None
    newest_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class TenantRow:
    id: TenantId
    name: str
    suspended: bool
    people: int
    created_at: datetime


class TenancyService:
    """Raises `UnavailableError` when Redis is away."""

    def __init__(
        self,
        accounts: AccountService,
        sessions: SessionService,
        audit: AuditService,
        resources: Resources,
        insights: InsightService,
        queue: JobQueue,
    ) -> None:
        self._accounts = accounts
        self._tenants = accounts.tenants
        self._audit = audit
        self._resources = resources
        self._figures = FiguresOfTenants(resources, insights)
        self._marks = TenantRemoval(resources.reads, resources.writes)
        self._removal = RemovalOfTenants(accounts, sessions, self._marks, queue)

    def settings(self, who: Principal) -> Tenant:
        who.require(Permission.SETTINGS_MANAGE)
        return self._tenants.get(who.tenant)

    def change_settings(self, who: Principal, **fields: object) -> Tenant:
        """Other workers follow within two seconds. Raises `InvalidInputError`, which names the
        field; then nothing has changed."""
        before = self.settings(who)
        after = _checked(before, fields)
        old, new = _differences(before, after)
        if not new:
            return before

        def update(now: Tenant) -> Tenant:
            if {name: getattr(now, name) for name in old} != old:
                raise ConflictError("The settings were changed by somebody else meanwhile.")
            return now.model_copy(update=new)

        with self._audit.recorded(
            who.tenant, who.subject, "settings.changed", who.tenant, before=old, after=new
        ):
            changed = self._tenants.change(who.tenant, update)[1]
        self._resources.tenant_values.keep(who.tenant, changed)
        return changed

    def overview(self, who: Principal) -> Overview:
        who.require(Permission.SETTINGS_MANAGE)
        users, keys = self._accounts.users.all(), self._accounts.users.all_keys()
        use = self._figures.use(who)
        return Overview(
            people=sum(who.tenant in user.memberships and not user.disabled for user in users),
            keys=sum(key.tenant == who.tenant and not key.revoked for key in keys),
            events_in_stream=use.events_in_stream,
            per_day=use.per_day,
            newest_event_at=use.newest_event_at,
        )

    def tenants(self, who: Principal) -> list[TenantRow]:
        who.require(Permission.TENANTS_MANAGE)
        users = self._accounts.users.all()
        return [
            TenantRow(
                id=tenant.id,
                name=tenant.name,
                suspended=tenant.suspended,
                people=sum(tenant.id in user.memberships for user in users),
                created_at=tenant.created_at,
            )
            for tenant in self._tenants.all()
        ]

    def create(
        self,
        who: Principal,
        tenant: str,
        name: str | None = None,
        *,
        currency: str = "EUR",
        timezone: str = "UTC",
    ) -> Tenant:
        who.require(Permission.TENANTS_MANAGE)
        blank = Tenant(id=tenant_id(tenant), name=tenant, created_at=self._resources.clock())
        made = _checked(blank, {"name": name or tenant, "currency": currency, "timezone": timezone})
        if made.id in self._tenants.ids():
            raise ConflictError(f"The tenant {made.id} exists already.", field="tenant")
        if made.id in self._marks.under_way():
            raise ConflictError(
                f"An earlier tenant {made.id} is still being deleted: try again later.",
                field="tenant",
            )
        after: dict[str, Scalar] = {name: getattr(made, name) for name in RULES}
        with self._audit.recorded(None, who.subject, "tenant.created", made.id, after=after):
            self._tenants.add(made)
        return made

    def suspend(self, who: Principal, tenant: str) -> None:
        """Refuses its people and API keys within a second; what was accepted is still consumed."""
        self._set_suspended(who, tenant_id(tenant), True)

    def resume(self, who: Principal, tenant: str) -> None:
        self._set_suspended(who, tenant_id(tenant), False)

    def delete(self, who: Principal, tenant: str, confirm: str) -> None:
        """For good, with all its data. `confirm` is the id again. Raises `ConflictError` unless
        the tenant is suspended. May be repeated after a failure."""
        who.require(Permission.TENANTS_MANAGE)
        found = self._tenants.get(tenant_id(tenant))
        if confirm != found.id:
            raise InvalidInputError("Type the tenant's id to confirm.", field="confirm")
        if not found.suspended:
            raise ConflictError(f"Suspend {found.id} first.", field="tenant")
        if who.tenant == found.id:
            raise ConflictError("You are in this tenant: go to another one first.", field="tenant")
        before: dict[str, Scalar] = {"name": found.name}
        with self._audit.recorded(None, who.subject, "tenant.deleted", found.id, before=before):
            self._removal.remove(found.id)

    def comparison(self, who: Principal) -> list[TenantFigures]:
        who.require(Permission.TENANTS_MANAGE)
        return [self._figures.of(who, tenant) for tenant in self._tenants.all()]

    def _set_suspended(self, who: Principal, tenant: TenantId, suspended: bool) -> None:
        who.require(Permission.TENANTS_MANAGE)
        if self._tenants.get(tenant).suspended == suspended:
            return

        def update(now: Tenant) -> Tenant:
            return now.model_copy(update={"suspended": suspended, "epoch": now.epoch + 1})

        action = "tenant.suspended" if suspended else "tenant.resumed"
        with (
            self._audit.recorded(None, who.subject, action, tenant),
            self._audit.recorded(tenant, who.subject, action, tenant),
        ):
            self._tenants.change(tenant, update)


def _checked(tenant: Tenant, fields: Mapping[str, object]) -> Tenant:
    """The tenant with these settings; raises `InvalidInputError` for the first bad one."""
    for name in fields:
        if name not in RULES:
            raise InvalidInputError("There is no such setting.", field=name)
    tidy = {name: _tidy(value) for name, value in fields.items()}
    try:
        return Tenant.model_validate({**_values(tenant), **tidy}, strict=True)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InvalidInputError(RULES[name], field=name) from error


def _values(tenant: Tenant) -> dict[str, Any]:
    return {name: getattr(tenant, name) for name in type(tenant).model_fields}


def _tidy(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _differences(before: Tenant, after: Tenant) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """The settings that differ: what they were, and what they are to be."""
    changed = [name for name in RULES if getattr(before, name) != getattr(after, name)]
    return (
        {name: getattr(before, name) for name in changed},
        {name: getattr(after, name) for name in changed},
    )
