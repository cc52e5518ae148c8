"""The removal of a tenant with everything that is its own."""

from __future__ import annotations

from cip.domain.errors import ConflictError
from cip.domain.tenants import TenantId
from cip.domain.users import User
from cip.services import members
from cip.services.accounts import AccountService
from cip.services.sessions import SessionService
from cip.store.queue import DELETE_HISTORY, JobQueue
from cip.store.removal import TenantRemoval


class RemovalOfTenants:
    """The register forgets the tenant last, so that what failed half-way can be repeated. The
    history goes with a job, which waits until nobody consumes the tenant's stream any more."""

    def __init__(
        self,
        accounts: AccountService,
        sessions: SessionService,
        removal: TenantRemoval,
        queue: JobQueue,
    ) -> None:
        self._tenants = accounts.tenants
        self._users = accounts.users
        self._sessions = sessions
        self._removal = removal
        self._queue = queue

    def remove(self, tenant: TenantId) -> None:
        others = [one for one in self._tenants.ids() if one != tenant]
        if not others:
            raise ConflictError(
                "This is the only tenant: make another first, for the administrators to be in.",
                field="tenant",
            )
        self._removal.begin(tenant)
        self._queue.enqueue(DELETE_HISTORY, [tenant], "heavy")
        for key in self._users.all_keys():
            if key.tenant == tenant:
                self._removal.remove_key(key.key_id)
        for user in self._users.all():
            self._part(user, tenant, others[0])
        self._removal.remove_keys(tenant)
        self._removal.remove_tenant(tenant)

    def _part(self, user: User, tenant: TenantId, refuge: TenantId) -> None:
        """Takes the user out of the tenant; removes who has no other place."""
        belongs = tenant in user.memberships or user.home == tenant
        if belongs and not (user.memberships.keys() - {tenant} or user.super_admin):
            self._sessions.end_all(user.username)
            self._removal.remove_user(user.username)
            return
        for session in self._sessions.of(user.username):
            if session.tenant == tenant:
                self._sessions.end(user.username, session.id)
        if belongs:
            self._users.change(user.username, lambda now: _elsewhere(now, tenant, refuge))


def _elsewhere(user: User, tenant: TenantId, refuge: TenantId) -> User:
    moved = members.without(user, tenant)
    # Without a membership, as a super admin may be.
    return moved.model_copy(update={"home": refuge}) if moved.home == tenant else moved
