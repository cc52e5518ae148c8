"""Records that many change at once: no change is lost, and each says what it outdates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from cip.domain.permissions import Role
from cip.domain.tenants import Tenant, tenant_id
from cip.domain.users import User
from cip.store import keys
from cip.store.client import connect, connect_for_writes
from cip.store.revocations import Revocations
from cip.store.tenants import TenantStore
from cip.store.users import UserStore
from tests.factories import NOW, Platform


@pytest.fixture
def users(redis_url: str) -> UserStore:
    writes = connect_for_writes(redis_url, timeout_seconds=5)
    users = UserStore(connect(redis_url, timeout_seconds=5), writes)
    users.add(user())
    return users


def user() -> User:
    return User(
        username="alice",
        name="Alice",
        password_hash="x",
        memberships={tenant_id("acme"): Role.VIEWER},
        home=tenant_id("acme"),
        created_at=NOW,
    )


def grown(one: User) -> User:
    return one.model_copy(update={"epoch": one.epoch + 1})


def grown_tenant(one: Tenant) -> Tenant:
    return one.model_copy(update={"epoch": one.epoch + 1})


def test_of_sixteen_who_change_a_record_at_once_no_change_is_lost(
    users: UserStore, platform: Platform
) -> None:
    together = Barrier(16)

    def change(_: int) -> None:
        together.wait(10)
        users.change("alice", grown)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(change, range(16)))
    found = users.find("alice")
    assert found is not None
    assert found.epoch == user().epoch + 16
    log = platform.client.xrange(keys.REVOCATIONS)
    assert [int(fields[b"epoch"]) for _, fields in log] == [
        user().epoch + number for number in range(1, 17)
    ]


def test_a_change_that_outdates_nothing_says_nothing(users: UserStore, platform: Platform) -> None:
    users.change("alice", lambda one: one.model_copy(update={"name": "Alice B."}))
    assert platform.client.xlen(keys.REVOCATIONS) == 0


def test_a_change_of_a_tenant_outdates_its_peoples_tokens(platform: Platform) -> None:
    store = TenantStore(platform.client, platform.client)
    before, after = store.change(tenant_id("acme"), grown_tenant)
    known = Revocations(platform.client)
    known.look()
    assert known.outdated("tenant", "acme", before.epoch)
    assert not known.outdated("tenant", "acme", after.epoch)
