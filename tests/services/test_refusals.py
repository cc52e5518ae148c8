"""What outsiders can make an append-only log hold, and what becomes of those refused."""

from __future__ import annotations

import pytest

from cip.domain.errors import ConflictError, ThrottledError, UnauthenticatedError
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from tests.services.conftest import ACME, OUTSIDE, PASSWORD, Desk


def refused_entries(desk: Desk, tenant: str | None) -> list[tuple[str, str, str]]:
    return [
        (event.subject, event.action, event.target)
        for event in desk.audited(tenant)
        if event.outcome == "refused"
    ]


def test_a_flood_of_names_from_one_address_is_one_entry_a_minute(desk: Desk) -> None:
    signing_in = desk.platform.services.signing_in
    for number in range(120):
        with pytest.raises((UnauthenticatedError, ThrottledError)):
            signing_in.check(f"nobody{number}", "x", "192.0.2.9")
    # 50 tries an address, each on record, and one for all that came after.
    assert len(refused_entries(desk, None)) == 51


def test_codes_are_throttled_and_one_entry_a_minute(desk: Desk) -> None:
    throttled = 0
    for number in range(30):
        try:
            desk.own.accept_invitation(f"x{number}.alice", PASSWORD, address="192.0.2.9")
        except ThrottledError:
            throttled += 1
        except UnauthenticatedError:
            pass
    assert throttled == 20
    assert refused_entries(desk, "acme") == [("unknown", "invitation.refused", "alice")]
    # Elsewhere the invited get in all the same.
    invited = desk.people.invite(desk.principal("alice"), "eve", "Eve", Role.VIEWER)
    assert desk.own.accept_invitation(str(invited.code), PASSWORD, address="198.51.100.1")


@pytest.mark.parametrize("name", ["cli:root", "hunter2 hunter2", "🔑"])
def test_what_an_outsider_types_is_no_subject_and_stands_nowhere(desk: Desk, name: str) -> None:
    with pytest.raises(UnauthenticatedError):
        desk.own.accept_invitation(f"x.{name}", PASSWORD)
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.signing_in.check(name, "x", "192.0.2.9")
    entries = refused_entries(desk, None)
    assert [subject for subject, _, _ in entries] == ["unknown", "unknown"]
    assert name not in repr(entries)


def test_a_super_admins_token_for_another_tenant_is_on_record_in_both_logs(desk: Desk) -> None:
    root = desk.user("root")
    other = OUTSIDE if root.home != OUTSIDE else ACME
    desk.platform.services.api_tokens.grant(root, other)
    entered = ("root", "tenant.entered", other, "ok")
    assert entered in desk.actions(None)
    assert entered in desk.actions(other)


def test_a_token_for_a_tenant_not_ones_own_is_refused_on_record(desk: Desk) -> None:
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.api_tokens.grant(desk.user("bob"), "outside")
    assert ("bob", "tenant.entered", "outside", "refused") in desk.actions("acme")


def test_a_suspension_spends_no_refresh_token(desk: Desk) -> None:
    services = desk.platform.services
    pair = services.api_tokens.grant(desk.user("bob"), "acme")
    desk.tenancy.suspend(desk.principal("root"), ACME)
    with pytest.raises(UnauthenticatedError):
        services.api_tokens.refresh(pair.refresh)
    desk.tenancy.resume(desk.principal("root"), ACME)
    desk.clock.move(seconds=30)
    assert services.api_tokens.refresh(pair.refresh).tenant == ACME


def test_a_suspended_home_leaves_the_other_tenants_open(desk: Desk) -> None:
    home = desk.user("dora").home
    elsewhere = next(name for name in desk.user("dora").memberships if name != home)
    desk.tenancy.suspend(desk.principal("root", elsewhere), tenant_id(home))
    assert desk.sign_in("dora")[1].principal.tenant == elsewhere


def test_a_key_is_never_taken_for_a_user(desk: Desk) -> None:
    _, text = desk.keys.create(desk.principal("alice"), "shop", frozenset({"events:write"}))  # type: ignore[arg-type]
    assert desk.platform.services.credentials.of_key(text).subject.startswith("key:")


def test_a_code_from_before_opens_no_other_tenant(desk: Desk) -> None:
    desk.people.invite(desk.principal("alice"), "ceo", "Ceo", Role.VIEWER)
    with pytest.raises(ConflictError, match="not accepted"):
        desk.people.invite(desk.principal("root", "outside"), "ceo", "Ceo", Role.ADMIN)


def test_a_removed_members_programs_stay_out_when_they_come_back(desk: Desk) -> None:
    services = desk.platform.services
    pair = services.api_tokens.grant(desk.user("dora"), "acme")
    desk.people.remove(desk.principal("alice"), "dora")
    desk.people.invite(desk.principal("root"), "dora", "Dora", Role.ADMIN)
    with pytest.raises(UnauthenticatedError):
        services.api_tokens.refresh(pair.refresh)
