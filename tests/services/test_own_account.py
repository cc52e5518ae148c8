"""What people do with their own account, and how the invited get one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest

from cip.auth import passwords
from cip.domain.errors import (
    CipError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ThrottledError,
    UnauthenticatedError,
)
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.services.own_account import BAD_CODE
from tests.services.conftest import ACME, OUTSIDE, PASSWORD, Desk

NEW = "a wholly different phrase"


def present(desk: Desk, username: str) -> tuple[str, Principal]:
    secret, resumed = desk.sign_in(username)
    return secret, resumed.principal


def test_the_profile_names_all_ones_tenants(desk: Desk) -> None:
    profile = desk.own.profile(desk.principal("dora"))
    assert (profile.username, profile.super_admin) == ("dora", False)
    assert [tuple(one) for one in profile.memberships] == [
        (ACME, "Acme", Role.VIEWER),
        (OUTSIDE, "Outside", Role.VIEWER),
    ]


def test_a_new_name_is_tidied_checked_and_on_record(desk: Desk) -> None:
    bob = desk.principal("bob")
    desk.own.rename(bob, "  Bob  Builder ")
    assert desk.user("bob").name == "Bob Builder"
    for bad in ("", "x" * 121, "Bob\x1b[2J"):
        with pytest.raises(InvalidInputError) as refused:
            desk.own.rename(bob, bad)
        assert refused.value.field == "name"
    (event,) = desk.audited()
    assert (event.before, event.after) == ({"name": "bob"}, {"name": "Bob Builder"})


def test_a_new_password_ends_the_other_sessions_and_the_present_one_goes_on(desk: Desk) -> None:
    other, _ = present(desk, "bob")
    mine, who = present(desk, "bob")
    stranger, _ = present(desk, "ann")
    pair = desk.platform.services.api_tokens.grant(desk.user("bob"), None)
    desk.own.change_password(who, PASSWORD, NEW)
    assert desk.goes_on(other) is None
    assert desk.goes_on(mine) is not None
    assert desk.goes_on(stranger) is not None
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.api_tokens.refresh(pair.refresh)
    assert desk.platform.services.accounts.authenticate("bob", NEW)
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.accounts.authenticate("bob", PASSWORD)
    assert desk.actions() == [("bob", "password.changed", "bob", "ok")]


def test_a_new_password_outdates_every_token(desk: Desk) -> None:
    _, resumed = desk.sign_in("bob")
    desk.own.change_password(resumed.principal, PASSWORD, NEW)
    assert not desk.holds(resumed)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [("wrong", NEW, "old"), (PASSWORD, "short", "password"), (PASSWORD, "bob" * 5, "password"),
     (PASSWORD, PASSWORD, "password")],
)  # fmt: skip
def test_a_refused_password_names_the_field_and_changes_nothing(
    desk: Desk, old: str, new: str, field: str
) -> None:
    secret, who = present(desk, "bob")
    other, _ = present(desk, "bob")
    with pytest.raises(InvalidInputError) as refused:
        desk.own.change_password(who, old, new)
    assert refused.value.field == field
    assert desk.goes_on(secret)
    assert desk.goes_on(other)
    assert desk.platform.services.accounts.authenticate("bob", PASSWORD)


def test_guessing_the_old_password_is_throttled(desk: Desk) -> None:
    _, who = present(desk, "bob")
    for _ in range(10):
        with pytest.raises(InvalidInputError):
            desk.own.change_password(who, "wrong", NEW, address="192.0.2.1")
    with pytest.raises(ThrottledError):
        desk.own.change_password(who, PASSWORD, NEW, address="192.0.2.1")


def test_sessions_are_listed_and_ended_one_by_one(desk: Desk) -> None:
    other, _ = present(desk, "bob")
    mine, who = present(desk, "bob")
    listed = desk.own.sessions(who)
    assert sorted(one.present for one in listed) == [False, True]
    assert next(one for one in listed if one.present).session.id == who.session
    desk.own.end_session(who, next(one for one in listed if not one.present).session.id)
    assert desk.goes_on(other) is None
    assert desk.goes_on(mine) is not None
    assert desk.actions() == [("bob", "session.ended", "bob", "ok")]


def test_somebody_elses_session_does_not_exist(desk: Desk) -> None:
    theirs, ann = present(desk, "ann")
    _, who = present(desk, "bob")
    before = desk.state()
    with pytest.raises(NotFoundError):
        desk.own.end_session(who, ann.session)
    assert desk.state() == before
    assert desk.goes_on(theirs) is not None


def test_all_other_sessions_end_together(desk: Desk) -> None:
    others = [present(desk, "bob")[0] for _ in range(3)]
    mine, who = present(desk, "bob")
    assert desk.own.end_other_sessions(who) == 3
    assert [desk.goes_on(secret) for secret in others] == [None] * 3
    assert desk.goes_on(mine) is not None


def test_an_api_key_has_no_account(desk: Desk) -> None:
    key = Principal("bob", ACME, Role.API_KEY, frozenset())
    acts: list[Callable[[], object]] = [
        lambda: desk.own.profile(key),
        lambda: desk.own.rename(key, "Bob"),
        lambda: desk.own.change_password(key, PASSWORD, NEW),
        lambda: desk.own.sessions(key),
        lambda: desk.own.end_session(key, "x"),
        lambda: desk.own.end_other_sessions(key),
    ]
    for act in acts:
        with pytest.raises(ForbiddenError):
            act()


def invite(desk: Desk) -> str:
    code = desk.people.invite(desk.principal("alice"), "eve", "Eve", Role.VIEWER).code
    assert code
    return code


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: ".eve",
        lambda _: "wrong.eve",
        lambda code: code.replace(".eve", ".bob"),
        lambda code: code.replace(".eve", ".nobody"),
        lambda code: code.replace(".eve", ""),
        lambda code: code.replace(".eve", ".é"),
        lambda code: code + "x" * 10_000,
    ],
)
def test_every_bad_code_gets_the_same_answer(desk: Desk, spoil: Callable[[str], str]) -> None:
    code = invite(desk)
    with pytest.raises(UnauthenticatedError) as refused:
        desk.own.accept_invitation(spoil(code), PASSWORD)
    assert refused.value.message == BAD_CODE
    assert desk.own.accept_invitation(code, PASSWORD).username == "eve"


def test_a_code_works_for_seven_days(desk: Desk) -> None:
    code = invite(desk)
    desk.clock.move(days=7)
    with pytest.raises(UnauthenticatedError) as refused:
        desk.own.accept_invitation(code, PASSWORD)
    assert refused.value.message == BAD_CODE
    desk.clock.move(seconds=-1)
    desk.own.accept_invitation(code, PASSWORD)


def test_a_disabled_or_removed_invited_user_cannot_come_in(desk: Desk) -> None:
    code = invite(desk)
    desk.people.set_disabled(desk.principal("alice"), "eve", True)
    with pytest.raises(UnauthenticatedError) as refused:
        desk.own.accept_invitation(code, PASSWORD)
    assert refused.value.message == BAD_CODE


def test_a_weak_password_does_not_use_the_code_up(desk: Desk) -> None:
    code = invite(desk)
    with pytest.raises(InvalidInputError) as refused:
        desk.own.accept_invitation(code, "short")
    assert refused.value.field == "password"
    assert desk.own.accept_invitation(code, PASSWORD).password_hash


def test_a_code_that_is_replaced_while_it_is_used_does_not_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, alice = invite(desk), desk.principal("alice")

    def replaced_meanwhile(_: str) -> str:
        desk.people.renew_invitation(alice, "eve")
        return "a hash"

    monkeypatch.setattr(passwords, "hash_password", replaced_meanwhile)
    with pytest.raises(UnauthenticatedError) as refused:
        desk.own.accept_invitation(code, PASSWORD)
    assert refused.value.message == BAD_CODE
    assert not desk.user("eve").password_hash


def test_of_many_who_use_a_code_at_once_one_succeeds(desk: Desk) -> None:
    code, won, lost = invite(desk), [], []

    def accept(number: int) -> None:
        try:
            desk.own.accept_invitation(code, f"{PASSWORD} {number}")
            won.append(number)
        except CipError as error:
            lost.append(error.message)

    threads = [Thread(target=accept, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == [BAD_CODE] * 7
    assert desk.platform.services.accounts.authenticate("eve", f"{PASSWORD} {won[0]}")
