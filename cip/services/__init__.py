"""Use cases of the web, the CLI and the API. Light: no scientific library is imported here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cip.auth.keyring import KeyRing
from cip.domain.audit import Origin
from cip.domain.backpressure import Limits
from cip.services.accounts import AccountService
from cip.services.api_tokens import ApiTokenService
from cip.services.audit import AuditService
from cip.services.backpressure import IngestGate, Slots
from cip.services.base import TENANT_SECONDS, Resources, utc_now
from cip.services.credentials import Credentials
from cip.services.dead_letters import DeadLetterService
from cip.services.erasure import ErasureService
from cip.services.event_flow import EventFlowService
from cip.services.exports import ExportService
from cip.services.feed import FeedService
from cip.services.ingestion import IngestionService
from cip.services.insights import InsightService
from cip.services.keys import KeyService
from cip.services.own_account import OwnAccountService
from cip.services.people import PeopleService
from cip.services.platform_people import PlatformPeopleService
from cip.services.pulse import VERSION_SECONDS, PulseService
from cip.services.refusals import Refusals
from cip.services.sessions import SessionService
from cip.services.signing_in import SignInService
from cip.services.tenancy import TenancyService
from cip.services.views import ViewService
from cip.store.audit import AuditStore
from cip.store.client import connect, connect_for_writes
from cip.store.connector import RecentValues
from cip.store.pressure import Pressure
from cip.store.queue import JobQueue
from cip.store.revocations import Revocations
from cip.store.sessions import SessionStore
from cip.store.throttle import LoginThrottle
from cip.store.token_families import TokenFamilies
from cip.store.users import UserStore

__all__ = ["Services", "make_services"]

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Services:
    """What callbacks and routes are handed; the tenant always comes from a principal."""

    resources: Resources
    accounts: AccountService
    audit: AuditService
    credentials: Credentials
    signing_in: SignInService
    sessions: SessionService
    api_tokens: ApiTokenService
    own_account: OwnAccountService
    people: PeopleService
    platform_people: PlatformPeopleService
    keys: KeyService
    tenancy: TenancyService
    gate: IngestGate
    ingestion: IngestionService
    insights: InsightService
    pulse: PulseService
    feed: FeedService
    exports: ExportService
    erasure: ErasureService
    event_flow: EventFlowService
    dead_letters: DeadLetterService
    views: ViewService


def make_services(
    redis_url: str,
    broker_url: str,
    keys: KeyRing,
    *,
    cache_ttl_seconds: float = 30,
    version_seconds: float = VERSION_SECONDS,
    clock: Callable[[], datetime] = utc_now,
    origin: Callable[[], Origin] = lambda: Origin(source="system"),
    limits: Limits = _LIMITS,
) -> Services:
    """Connects lazily: no command is sent before the first use. `origin`: who is being served."""
    reads, writes = connect(redis_url), connect_for_writes(redis_url)
    resources = Resources(
        reads=reads,
        writes=writes,
        values=RecentValues(cache_ttl_seconds),
        tenant_values=RecentValues(TENANT_SECONDS),
        clock=clock,
        request_id=lambda: origin().request_id,
        mask_key=keys.signing("mask")[1],
    )
    queue = JobQueue(broker_url)
    insights = InsightService(resources, queue)
    pulse = PulseService(resources, version_seconds)
    accounts = AccountService(resources.tenants, UserStore(reads, writes), clock)
    audit = AuditService(AuditStore(reads, writes), keys, clock, origin)
    credentials = Credentials(accounts, Revocations(reads), keys, clock)
    families = TokenFamilies(reads, writes)
    throttle = LoginThrottle(writes)
    refusals = Refusals(accounts, audit, keys.signing("names")[1])
    sessions = SessionService(accounts, SessionStore(reads, writes), credentials, audit, clock)
    return Services(
        resources=resources,
        accounts=accounts,
        audit=audit,
        credentials=credentials,
        signing_in=SignInService(accounts, throttle, refusals),
        sessions=sessions,
        api_tokens=ApiTokenService(accounts, families, credentials, audit, keys, clock),
        own_account=OwnAccountService(accounts, sessions, audit, clock, throttle, refusals),
        people=PeopleService(accounts, sessions, audit, clock),
        platform_people=PlatformPeopleService(accounts, sessions, audit, clock),
        keys=KeyService(accounts, audit, clock),
        tenancy=TenancyService(accounts, sessions, audit, resources, insights, queue),
        gate=IngestGate(Pressure(reads, limits), limits, Slots()),
        ingestion=IngestionService(writes, resources.tenants, clock),
        insights=insights,
        pulse=pulse,
        feed=FeedService(resources),
        event_flow=EventFlowService(reads, resources.tenants),
        exports=ExportService(insights, audit),
        dead_letters=DeadLetterService(resources, audit),
        erasure=ErasureService(resources, audit, queue),
        views=ViewService(resources, pulse),
    )
