"""API keys of a tenant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cip.domain.errors import ForbiddenError, InvalidInputError, NotFoundError, UnauthenticatedError
from cip.domain.permissions import Permission
from tests.services.conftest import Desk

WRITE = frozenset({Permission.EVENTS_WRITE})


def test_a_key_is_shown_once_and_listed_without_its_secret(desk: Desk) -> None:
    alice = desk.principal("alice")
    key, text = desk.keys.create(alice, " The  shop ", WRITE)
    assert text.startswith(f"cip_{key.key_id}_")
    assert text.split("_")[2] not in repr(desk.state())
    (row,) = desk.keys.all(alice)
    assert (row.key_id, row.label, row.scopes, row.created_by, row.revoked) == (
        key.key_id, "The shop", (Permission.EVENTS_WRITE,), "alice", False,
    )  # fmt: skip
    assert row.last_used_at is None
    desk.platform.services.credentials.of_key(text)
    assert desk.keys.all(alice)[0].last_used_at == desk.clock.now
    (event,) = desk.audited()
    assert (event.action, event.target) == ("key.created", key.key_id)
    assert event.after == {"label": "The shop", "scopes": "events:write"}


def test_a_revoked_key_is_refused_and_stays_listed(desk: Desk) -> None:
    alice = desk.principal("alice")
    key, text = desk.keys.create(alice, "shop", WRITE)
    desk.keys.revoke(alice, key.key_id)
    with pytest.raises(UnauthenticatedError):
        desk.platform.services.credentials.of_key(text)
    assert desk.keys.all(alice)[0].revoked
    before = desk.state()
    desk.keys.revoke(alice, key.key_id)
    assert desk.state() == before


@pytest.mark.parametrize(
    "scopes",
    [frozenset(), WRITE | {Permission.USERS_MANAGE}, frozenset({Permission.TENANTS_MANAGE})],
)
def test_no_key_gets_more_than_keys_may_have(desk: Desk, scopes: frozenset[Permission]) -> None:
    before = desk.state()
    with pytest.raises(InvalidInputError) as refused:
        desk.keys.create(desk.principal("alice"), "shop", scopes)
    assert refused.value.field == "scopes"
    assert desk.state() == before


def test_nobody_gives_a_key_what_they_may_not_do(desk: Desk) -> None:
    alice = desk.principal("alice")
    narrow = replace(alice, permissions=alice.permissions - {Permission.CUSTOMERS_READ})
    with pytest.raises(InvalidInputError):
        desk.keys.create(narrow, "shop", frozenset({Permission.CUSTOMERS_READ}))


@pytest.mark.parametrize("label", ["", "  ", "x" * 121, "a\x00b"])
def test_a_bad_label_is_named(desk: Desk, label: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        desk.keys.create(desk.principal("alice"), label, WRITE)
    assert refused.value.field == "label"


def test_another_tenants_key_does_not_exist(desk: Desk) -> None:
    key, _ = desk.keys.create(desk.principal("alice"), "shop", WRITE)
    charlie, before = desk.principal("charlie", "outside"), desk.state()
    assert desk.keys.all(charlie) == []
    for key_id in (key.key_id, "nothing"):
        with pytest.raises(NotFoundError, match="There is no such key"):
            desk.keys.revoke(charlie, key_id)
    assert desk.state() == before


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_only_administrators_manage_keys(desk: Desk, name: str) -> None:
    key, _ = desk.keys.create(desk.principal("alice"), "shop", WRITE)
    who, before = desk.principal(name), desk.state()
    for act in (
        lambda: desk.keys.all(who),
        lambda: desk.keys.create(who, "mine", WRITE),
        lambda: desk.keys.revoke(who, key.key_id),
    ):
        with pytest.raises(ForbiddenError):
            act()
    assert desk.state() == before
