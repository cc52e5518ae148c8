"""What this process takes for somebody: what a good signature alone does not make good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dash import Dash

from cip.auth import tokens
from cip.domain.errors import UnauthenticatedError
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.services import credentials
from cip.services.credentials import Credentials
from tests.factories import KEYS, NOW, Platform


@pytest.fixture
def known(app: Dash, platform: Platform) -> Credentials:
    return platform.services.credentials


def signed(**changes: str) -> str:
    good = {"subject": "alice", "tenant": "acme", "role": "admin", "session": "s1"}
    claims = tokens.Claims(
        **{**good, **changes},
        user_epoch=2**52,
        tenant_epoch=2**52,
        token_id=tokens.new_id(),
        expires_at=NOW + timedelta(minutes=15),
    )
    return tokens.issue(claims, "access", key=KEYS.signing(credentials.PURPOSE), now=NOW)


def test_a_good_token_is_a_principal(known: Credentials) -> None:
    who = known.of_access(signed())
    assert (who.subject, who.tenant, who.role, who.session) == (
        "alice",
        "acme",
        Role.ADMIN,
        "s1",
    )


@pytest.mark.parametrize("role", ["owner", "refresh", "api_key", "ADMIN", "admin "])
def test_a_role_that_no_person_has_is_refused(known: Credentials, role: str) -> None:
    with pytest.raises(UnauthenticatedError):
        known.of_access(signed(role=role))


@pytest.mark.parametrize("tenant", ["{acme}", "ACME", "a", "acme:*", "../acme", "a" * 64, "acme\n"])
def test_a_tenant_that_is_no_tenants_id_is_refused(known: Credentials, tenant: str) -> None:
    with pytest.raises(UnauthenticatedError):
        known.of_access(signed(tenant=tenant))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é", "\ud800", "x" * 10_000, "\x00"])
def test_nonsense_is_nobody(known: Credentials, text: str) -> None:
    for read in known.of_access, known.of_key:
        with pytest.raises(UnauthenticatedError):
            read(text)


def test_a_token_is_issued_for_an_enabled_member_alone(
    known: Credentials, platform: Platform
) -> None:
    user = platform.services.accounts.users.find("alice")
    assert user is not None
    _, who = known.issue(user, tenant_id("acme"), "s1")
    assert who.tenant == "acme"
    for refused, where in (
        (user, "outside"),
        (user, "nowhere"),
        (user.model_copy(update={"disabled": True}), "acme"),
    ):
        with pytest.raises(UnauthenticatedError):
            known.issue(refused, tenant_id(where), "s1")


def test_what_was_verified_is_kept_up_to_a_bound(
    known: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "MAX_KEPT", 10)
    for _ in range(30):
        known.of_access(signed())
    assert len(known._kept) == 10


def test_what_is_refused_is_not_kept(known: Credentials) -> None:
    for number in range(30):
        with pytest.raises(UnauthenticatedError):
            known.of_access(f"{signed()[:-5]}{number:05}")
    assert len(known._kept) == 0
