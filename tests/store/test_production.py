"""Production and demo accounts do not go together."""

from __future__ import annotations

import pytest

from cip.domain.errors import SettingsError, UnavailableError
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.services.production import refuse_demo_accounts
from cip.store.client import connect, connect_for_writes
from cip.store.users import UserStore
from tests.factories import Platform, tenant


def test_production_takes_a_store_without_demo_accounts(platform: Platform) -> None:
    refuse_demo_accounts(platform.services.accounts.users)
    create = platform.services.accounts.create_user
    create("alice", "correct horse battery", tenant_id("acme"), Role.ADMIN)
    refuse_demo_accounts(platform.services.accounts.users)


def test_production_refuses_a_store_with_demo_accounts(platform: Platform) -> None:
    accounts = platform.services.accounts
    accounts.ensure_tenant(tenant("demo_tenant"))
    accounts.ensure_tenant(tenant("enterprise"))
    accounts.ensure_demo_users()
    with pytest.raises(SettingsError) as caught:
        refuse_demo_accounts(accounts.users)
    assert caught.value.field == "CIP_ENV"
    assert "(admin, analyst, enterprise, root, viewer)" in caught.value.message
    assert "\n" not in caught.value.message


def test_production_does_not_start_without_knowing(platform: Platform) -> None:
    away = "redis://127.0.0.1:1/0"
    with pytest.raises(UnavailableError):
        refuse_demo_accounts(UserStore(connect(away), connect_for_writes(away)))
