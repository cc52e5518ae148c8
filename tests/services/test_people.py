"""Members of a tenant: what its administrators may do to them, and what never."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from cip.domain.errors import (
    CipError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.services.people import PeopleService
from tests.services.conftest import ACME, OUTSIDE, PASSWORD, Desk

Act = Callable[[PeopleService, Principal, str], object]
ACTS: dict[str, Act] = {
    "renew": lambda people, who, name: people.renew_invitation(who, name),
    "role": lambda people, who, name: people.change_role(who, name, Role.VIEWER),
    "disable": lambda people, who, name: people.set_disabled(who, name, True),
    "enable": lambda people, who, name: people.set_disabled(who, name, False),
    "remove": lambda people, who, name: people.remove(who, name),
    "sign out": lambda people, who, name: people.sign_out_everywhere(who, name),
}


def test_the_list_has_the_tenants_own_members_and_nothing_of_other_tenants(desk: Desk) -> None:
    people = desk.people.all(desk.principal("alice"))
    assert [(one.username, one.role) for one in people] == [
        ("adam", Role.ADMIN),
        ("alice", Role.ADMIN),
        ("ann", Role.ANALYST),
        ("bob", Role.VIEWER),
        ("dora", Role.VIEWER),
    ]
    assert "outside" not in repr(people)
    assert not any(one.invited or one.disabled for one in people)


@pytest.mark.parametrize("name", ["ann", "bob"])
@pytest.mark.parametrize("act", ACTS)
def test_only_administrators_manage_people(desk: Desk, act: str, name: str) -> None:
    before = desk.state()
    with pytest.raises(ForbiddenError):
        ACTS[act](desk.people, desk.principal(name), "dora")
    with pytest.raises(ForbiddenError):
        desk.people.all(desk.principal(name))
    with pytest.raises(ForbiddenError):
        desk.people.invite(desk.principal(name), "eve", "Eve", Role.VIEWER)
    assert desk.state() == before


@pytest.mark.parametrize("name", ["bob", "nobody", "root", "", "\x00", "é"])
@pytest.mark.parametrize("act", ACTS)
def test_who_is_no_member_does_not_exist_and_nothing_happens(
    desk: Desk, act: str, name: str
) -> None:
    charlie, before = desk.principal("charlie", "outside"), desk.state()
    with pytest.raises(NotFoundError) as refused:
        ACTS[act](desk.people, charlie, name)
    assert refused.value.message == "There is no such user."
    assert desk.state() == before


def test_an_invited_user_sets_a_password_once_and_gets_in(desk: Desk) -> None:
    invited = desk.people.invite(desk.principal("alice"), "eve", " Eve  Adams ", Role.ANALYST)
    assert invited.code
    assert desk.user("eve").name == "Eve Adams"
    assert next(one for one in desk.people.all(desk.principal("alice")) if one.invited).name
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.accounts.authenticate("eve", "")
    assert invited.code.split(".")[0] not in repr(desk.state())
    desk.own.accept_invitation(invited.code, PASSWORD)
    assert desk.platform.services.accounts.authenticate("eve", PASSWORD).memberships == {
        ACME: Role.ANALYST
    }
    with pytest.raises(UnauthenticatedError):
        desk.own.accept_invitation(invited.code, PASSWORD)
    assert desk.actions() == [
        ("alice", "user.invited", "eve", "ok"),
        ("eve", "invitation.accepted", "eve", "ok"),
        ("unknown", "invitation.refused", "eve", "refused"),
    ]


def test_one_tenant_cannot_take_a_member_of_another_in(desk: Desk) -> None:
    """Whoever is invited may be changed and signed out: it would reach into the other tenant."""
    before = desk.state()
    for name in ("charlie", "root"):
        with pytest.raises(ConflictError, match="taken"):
            desk.people.invite(desk.principal("alice"), name, "Somebody", Role.VIEWER)
    assert desk.state() == before


def test_the_platform_gives_a_user_of_another_tenant_the_membership_and_no_code(
    desk: Desk,
) -> None:
    invited = desk.people.invite(desk.principal("root"), "charlie", "Somebody", Role.VIEWER)
    assert (invited.code, invited.expires_at) == (None, None)
    charlie = desk.user("charlie")
    assert charlie.memberships == {OUTSIDE: Role.ADMIN, ACME: Role.VIEWER}
    assert (charlie.name, charlie.home) == ("charlie", OUTSIDE)


@pytest.mark.parametrize("role", [Role.SUPER_ADMIN, Role.API_KEY])
def test_no_membership_has_a_role_of_the_platform(desk: Desk, role: Role) -> None:
    alice, before = desk.principal("alice"), desk.state()
    with pytest.raises(InvalidInputError) as refused:
        desk.people.invite(alice, "eve", "Eve", role)
    assert refused.value.field == "role"
    with pytest.raises(InvalidInputError):
        desk.people.change_role(alice, "bob", role)
    assert desk.state() == before


@pytest.mark.parametrize(
    ("username", "name", "field"),
    [("Eve", "Eve", "username"), ("e:ve", "Eve", "username"), ("eve", " ", "name"),
     ("eve", "x" * 121, "name"), ("eve", "E\x00ve", "name")],
)  # fmt: skip
def test_a_bad_invitation_names_the_field(desk: Desk, username: str, name: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        desk.people.invite(desk.principal("alice"), username, name, Role.VIEWER)
    assert refused.value.field == field


def test_a_member_is_not_invited_again(desk: Desk) -> None:
    with pytest.raises(ConflictError):
        desk.people.invite(desk.principal("alice"), "bob", "Bob", Role.ADMIN)
    assert desk.user("bob").memberships == {ACME: Role.VIEWER}


def test_a_renewed_invitation_replaces_the_one_before(desk: Desk) -> None:
    alice = desk.principal("alice")
    first = desk.people.invite(alice, "eve", "Eve", Role.VIEWER).code
    second = desk.people.renew_invitation(alice, "eve").code
    assert first
    assert second
    with pytest.raises(UnauthenticatedError):
        desk.own.accept_invitation(first, PASSWORD)
    desk.own.accept_invitation(second, PASSWORD)
    with pytest.raises(ConflictError):
        desk.people.renew_invitation(alice, "eve")


def test_a_tenant_cannot_take_over_somebody_who_is_invited_elsewhere_too(desk: Desk) -> None:
    desk.people.invite(desk.principal("alice"), "eve", "Eve", Role.ADMIN)
    charlie = desk.principal("charlie", "outside")
    with pytest.raises(ConflictError, match="taken"):
        desk.people.invite(charlie, "eve", "Eve", Role.VIEWER)
    with pytest.raises(NotFoundError):
        desk.people.renew_invitation(charlie, "eve")


def test_a_changed_role_outdates_the_token_and_the_session_goes_on_with_it(desk: Desk) -> None:
    secret, resumed = desk.sign_in("bob")
    assert desk.holds(resumed)
    desk.people.change_role(desk.principal("alice"), "bob", Role.ANALYST)
    assert not desk.holds(resumed)
    who = desk.goes_on(secret)
    assert who is not None
    assert who.role is Role.ANALYST
    event = desk.audited()[-1]
    assert (event.action, event.before, event.after) == (
        "user.role_changed", {"role": "viewer"}, {"role": "analyst"},
    )  # fmt: skip


def test_a_disabled_user_is_out_at_once_and_may_be_let_in_again(desk: Desk) -> None:
    secret, resumed = desk.sign_in("bob")
    alice = desk.principal("alice")
    desk.people.set_disabled(alice, "bob", True)
    assert not desk.holds(resumed)
    assert desk.goes_on(secret) is None
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.accounts.authenticate("bob", PASSWORD)
    desk.people.set_disabled(alice, "bob", False)
    assert desk.platform.services.accounts.authenticate("bob", PASSWORD)
    assert desk.goes_on(secret) is None
    assert [action for _, action, _, _ in desk.actions()] == ["user.disabled", "user.enabled"]


def test_one_tenant_cannot_disable_a_member_of_another(desk: Desk) -> None:
    before = desk.state()
    with pytest.raises(ConflictError, match="remove the membership"):
        desk.people.set_disabled(desk.principal("alice"), "dora", True)
    assert desk.state() == before


def test_a_super_admin_who_is_a_member_is_not_disabled_by_the_tenant(desk: Desk) -> None:
    alice = desk.principal("alice")
    desk.people.invite(desk.principal("root"), "root", "Root", Role.VIEWER)
    with pytest.raises(ConflictError):
        desk.people.set_disabled(alice, "root", True)
    desk.people.remove(alice, "root")
    assert not desk.user("root").disabled


def test_a_removed_member_keeps_their_other_tenant(desk: Desk) -> None:
    secret, resumed = desk.sign_in("dora")
    desk.people.remove(desk.principal("alice"), "dora")
    dora = desk.user("dora")
    assert (dora.memberships, dora.home, dora.disabled) == ({OUTSIDE: Role.VIEWER}, OUTSIDE, False)
    assert not desk.holds(resumed)
    assert desk.goes_on(secret) is None
    assert desk.sign_in("dora")[1].principal.tenant == OUTSIDE


def test_who_is_left_without_a_tenant_is_kept_disabled_and_may_come_back(desk: Desk) -> None:
    desk.people.remove(desk.principal("alice"), "bob")
    assert desk.user("bob").disabled
    assert desk.user("bob").memberships == {}
    # By a new code: the name may be another person's by now.
    invited = desk.people.invite(desk.principal("charlie", "outside"), "bob", "Bob", Role.VIEWER)
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.accounts.authenticate("bob", PASSWORD)
    desk.own.accept_invitation(str(invited.code), PASSWORD)
    assert desk.sign_in("bob")[1].principal.tenant == OUTSIDE


def test_signing_out_everywhere_ends_the_sessions_in_this_tenant_alone(desk: Desk) -> None:
    here, resumed = desk.sign_in("dora")
    there, other = desk.sign_in("dora")
    desk.platform.services.sessions.enter(other.principal, OUTSIDE)
    assert desk.people.sign_out_everywhere(desk.principal("alice"), "dora") == 1
    assert desk.goes_on(here) is None
    assert not desk.holds(resumed)
    who = desk.goes_on(there)
    assert who is not None
    assert who.tenant == OUTSIDE


def test_nobody_demotes_disables_or_removes_themselves(desk: Desk) -> None:
    alice, before = desk.principal("alice"), desk.state()
    for act in ("role", "disable", "remove"):
        with pytest.raises(ConflictError, match="themselves"):
            ACTS[act](desk.people, alice, "alice")
    assert desk.state() == before


@pytest.mark.parametrize("act", ["role", "disable", "remove"])
def test_the_last_administrator_stays_by_name(desk: Desk, act: str) -> None:
    # Neither somebody disabled, nor somebody who has no password yet, could administer.
    alice = desk.principal("alice")
    desk.people.set_disabled(alice, "adam", True)
    desk.people.invite(alice, "eve", "Eve", Role.ADMIN)
    before = desk.state()
    with pytest.raises(ConflictError, match="alice is the last administrator"):
        ACTS[act](desk.people, desk.principal("root"), "alice")
    assert desk.state() == before
    desk.people.set_disabled(alice, "adam", False)
    ACTS[act](desk.people, desk.principal("root"), "alice")


def test_two_administrators_who_demote_each_other_leave_one(desk: Desk) -> None:
    alice, adam = desk.principal("alice"), desk.principal("adam")
    for _ in range(10):
        barrier, refused = Barrier(2), []

        def demote(who: Principal, name: str, barrier: Barrier = barrier) -> None:
            barrier.wait()
            try:
                desk.people.change_role(who, name, Role.VIEWER)
            except CipError as error:
                refused.append(error)  # noqa: B023 - joined before the next round

        threads = [
            Thread(target=demote, args=(alice, "adam")), Thread(target=demote, args=(adam, "alice"))
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = [desk.user(name).memberships[ACME] for name in ("alice", "adam")]
        assert Role.ADMIN in left
        assert refused
        for name in ("alice", "adam"):
            desk.platform.services.accounts.users.change(
                name,
                lambda user: user.model_copy(update={"memberships": {ACME: Role.ADMIN}}),
            )


def test_nothing_is_done_that_cannot_be_put_on_record(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise UnavailableError("away")

    alice, before = desk.principal("alice"), desk.state()
    monkeypatch.setattr(desk.platform.services.audit._store, "append", away)
    for act in ("role", "disable", "remove", "sign out"):
        with pytest.raises(UnavailableError):
            ACTS[act](desk.people, alice, "ann")
    with pytest.raises(UnavailableError):
        desk.people.invite(alice, "eve", "Eve", Role.VIEWER)
    assert desk.state() == before
