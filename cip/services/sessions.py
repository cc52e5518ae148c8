"""Browser sessions: opened by a password, resumed by a cookie, ended by anybody with the right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cip.auth import opaque
from cip.domain.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from cip.domain.principals import Principal
from cip.domain.sessions import Session
from cip.domain.tenants import TenantId
from cip.domain.users import User
from cip.services.accounts import REFUSED, AccountService
from cip.services.audit import AuditService
from cip.services.credentials import Credentials
from cip.store.sessions import SessionStore

# Activity within it is written once.
SEEN_EVERY: Final = timedelta(minutes=1)
_LONGEST_AGENT: Final = 200


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that holds, and a new access token for it."""

    session: Session
    principal: Principal
    token: str


class SessionService:
    """Every method raises `UnavailableError` when Redis is away."""

    def __init__(
        self,
        accounts: AccountService,
        store: SessionStore,
        credentials: Credentials,
        audit: AuditService,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._credentials = credentials
        self._audit = audit
        self._clock = clock
        self._seen: dict[str, datetime] = {}

    def open(self, user: User, *, remember: bool, address: str, agent: str) -> tuple[str, Resumed]:
        """A session in the user's home tenant, or the first other that lets them in, and the secret
        for its cookie. `user` is as it was when the password was checked."""
        secret, now = opaque.new(), self._clock()
        session = Session(
            id=opaque.digest(secret),
            username=user.username,
            tenant=user.home,
            remember=remember,
            address=address,
            agent=agent[:_LONGEST_AGENT],
            created_at=now,
            seen_at=now,
        )
        resumed = self._first_resumed(user, session)
        session = resumed.session
        self._audit.record(session.tenant, user.username, "login.accepted", user.username)
        self._store.add(session)
        # Whoever changes the password or disables the user ends all sessions after it: what was
        # not there yet for them to see is ended here.
        now_is = self._accounts.users.find(user.username)
        if now_is is None or now_is.disabled or now_is.password_hash != user.password_hash:
            self._store.end(session)
            raise UnauthenticatedError(REFUSED)
        return secret, resumed

    def resume(self, secret: str) -> Resumed | None:
        """None where the session has ended, or its user may not be where it is any more."""
        session = self._store.find(opaque.digest(secret))
        if session is None or session.ends_at <= self._clock():
            return None
        user = self._accounts.users.find(session.username)
        if user is None or user.disabled:
            return None
        try:
            return self._resumed(user, session)
        except UnauthenticatedError:
            return None

    def active(self, session_id: str) -> None:
        """A person did something. Written once a minute and worker."""
        now = self._clock()
        if now - self._seen.get(session_id, now - SEEN_EVERY) < SEEN_EVERY:
            return
        if len(self._seen) > 10_000:
            self._seen.clear()
        self._seen[session_id] = now
        session = self._store.find(session_id)
        if session is not None and session.ends_at > now:
            self._store.seen(session.model_copy(update={"seen_at": now}))

    def of(self, username: str) -> list[Session]:
        return [one for one in self._store.of(username) if one.ends_at > self._clock()]

    def sign_out(self, who: Principal) -> bool:
        """Ends the principal's own session; False where the principal did not come by one."""
        session = self._store.find(who.session)
        if session is None or session.username != who.subject:
            return False
        with self._audit.recorded(who.tenant, who.subject, "session.signed_out", who.subject):
            return self._store.end(session)

    def end(self, username: str, session_id: str) -> None:
        """Ends one of the user's sessions; raises `NotFoundError` for anybody else's."""
        session = self._store.find(session_id)
        if session is None or session.username != username:
            raise NotFoundError("There is no such session.", field="session")
        self._store.end(session)

    def end_all(self, username: str, *, keep: str = "") -> int:
        """Ends the user's sessions but one; how many."""
        ended = [one for one in self._store.of(username) if one.id != keep]
        for session in ended:
            self._store.end(session)
        return len(ended)

    def tenants(self, who: Principal) -> list[TenantId]:
        """Where the principal may go, in order."""
        user = self._accounts.users.find(who.subject)
        if user is None:
            return []
        return self._accounts.tenants.ids() if user.super_admin else sorted(user.memberships)

    def enter(self, who: Principal, tenant: TenantId) -> None:
        """Moves the session to another tenant of the user's, or, for a super admin, to any."""
        session, user = self._store.find(who.session), self._accounts.users.find(who.subject)
        if session is None or user is None or tenant not in self.tenants(who):
            # On record where the user is, by whoever answers the request.
            raise ForbiddenError("You are not a member of this tenant.")
        with self._audit.entering(user, tenant):
            self._credentials.issue(user, tenant, session.id)
            self._store.enter(session, tenant)

    def _first_resumed(self, user: User, session: Session) -> Resumed:
        """Raises what the home tenant refuses with, where no other lets the user in either."""
        refusal: UnauthenticatedError | None = None
        for tenant in [user.home, *sorted(set(user.memberships) - {user.home})]:
            try:
                return self._resumed(user, session.model_copy(update={"tenant": tenant}))
            except UnauthenticatedError as error:
                refusal = refusal or error
        raise refusal or UnauthenticatedError(REFUSED)

    def _resumed(self, user: User, session: Session) -> Resumed:
        token, principal = self._credentials.issue(
            user, session.tenant, session.id, ends_at=session.ends_at
        )
        return Resumed(session, principal, token)
