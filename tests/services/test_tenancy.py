"""Tenants: their settings, and what the platform's administrators do with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cip.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.domain.permissions import Permission, Role
from cip.domain.tenants import tenant_id
from cip.history.table import HistoryTable
from cip.jobs import tasks
from cip.store import keys
from cip.store.leases import Lease
from cip.store.queue import JobQueue
from tests.factories import raw_event
from tests.services.conftest import ACME, OUTSIDE, PASSWORD, Desk

WRITE = frozenset({Permission.EVENTS_WRITE})


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """What was put into the queue."""
    queued: list[tuple[str, list[Any]]] = []
    monkeypatch.setattr(
        JobQueue, "enqueue", lambda _, job, arguments, _queue: queued.append((job, arguments))
    )
    return queued


def test_settings_change_and_the_record_says_what_and_from_what(desk: Desk) -> None:
    alice = desk.principal("alice")
    desk.tenancy.change_settings(
        alice, name=" Acme  Shops ", timezone="Europe/Berlin", currency="EUR", retention_days=400
    )
    settings = desk.tenancy.settings(alice)
    assert (settings.name, settings.timezone, settings.retention_days) == (
        "Acme Shops", "Europe/Berlin", 400,
    )  # fmt: skip
    (event,) = desk.audited()
    assert (event.action, event.target) == ("settings.changed", "acme")
    assert event.before == {"name": "Acme", "timezone": "UTC", "retention_days": None}
    assert event.after == {
        "name": "Acme Shops", "timezone": "Europe/Berlin", "retention_days": 400,
    }  # fmt: skip
    assert desk.platform.services.resources.tenant(ACME).name == "Acme Shops"
    assert desk.platform.services.resources.tenant(OUTSIDE).name == "Outside"


def test_settings_that_stay_as_they_are_are_no_change(desk: Desk) -> None:
    alice, before = desk.principal("alice"), desk.state()
    desk.tenancy.change_settings(alice, currency="EUR", week_start="monday")
    assert desk.state() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 121), ("name", 7),
        ("timezone", "Mars/Olympus"), ("timezone", "../etc/passwd"), ("timezone", ""),
        ("currency", "eur"), ("currency", "EURO"), ("currency", None),
        ("week_start", "friday"),
        ("retention_days", 0), ("retention_days", "30"), ("retention_days", True),
        ("id", "outside"), ("suspended", True), ("epoch", 0), ("demo", True), ("tenant", "outside"),
    ],
)  # fmt: skip
def test_a_bad_or_unknown_setting_is_named_and_nothing_changes(
    desk: Desk, field: str, value: object
) -> None:
    alice, before = desk.principal("alice"), desk.state()
    with pytest.raises(InvalidInputError) as refused:
        desk.tenancy.change_settings(alice, **{"week_start": "sunday", field: value})
    assert refused.value.field == field
    assert desk.state() == before


def test_the_overview_counts_the_tenants_own(desk: Desk, jobs: list[tuple[str, list[Any]]]) -> None:
    desk.platform.send(raw_event(minutes_ago=5), raw_event(minutes_ago=3))
    desk.platform.send(*(raw_event(minutes_ago=1) for _ in range(7)), name="outside")
    alice = desk.principal("alice")
    key, _ = desk.keys.create(alice, "one", WRITE)
    desk.keys.create(alice, "two", WRITE)
    desk.keys.revoke(alice, key.key_id)
    desk.people.set_disabled(alice, "bob", True)
    overview = desk.tenancy.overview(alice)
    assert (overview.people, overview.keys, overview.events_in_stream) == (4, 1, 2)
    assert overview.newest_event_at is not None
    assert (desk.clock.now - overview.newest_event_at).total_seconds() == 180
    assert overview.per_day is None  # a job computes it
    assert {job[1][0] for job in jobs} == {"acme"}


def test_an_overview_of_nothing_is_empty(desk: Desk) -> None:
    overview = desk.tenancy.overview(desk.principal("alice"))
    assert (overview.events_in_stream, overview.per_day, overview.newest_event_at) == (0, (), None)


def acts(desk: Desk, name: str, tenant: str) -> dict[str, Callable[[], object]]:
    who = desk.principal(name, tenant)
    return {
        "list": lambda: desk.tenancy.tenants(who),
        "create": lambda: desk.tenancy.create(who, "fresh"),
        "suspend": lambda: desk.tenancy.suspend(who, "outside"),
        "resume": lambda: desk.tenancy.resume(who, "outside"),
        "delete": lambda: desk.tenancy.delete(who, "outside", "outside"),
        "compare": lambda: desk.tenancy.comparison(who),
        "everyone": lambda: desk.everyone.all(who),
        "make": lambda: desk.everyone.create(who, "eve", PASSWORD, ACME, Role.VIEWER),
        "disable": lambda: desk.everyone.set_disabled(who, "dora", True),
        "password": lambda: desk.everyone.set_password(who, "dora", PASSWORD + "!"),
        "super admin": lambda: desk.everyone.set_super_admin(who, "dora", True),
    }


@pytest.mark.parametrize(
    ("name", "tenant"),
    [("alice", "acme"), ("ann", "acme"), ("bob", "acme"), ("charlie", "outside")],
)
def test_only_super_admins_run_the_platform(desk: Desk, name: str, tenant: str) -> None:
    before = desk.state()
    for act in acts(desk, name, tenant).values():
        with pytest.raises(ForbiddenError):
            act()
    assert desk.state() == before


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_only_administrators_see_and_change_settings(desk: Desk, name: str) -> None:
    who, before = desk.principal(name), desk.state()
    for act in (
        lambda: desk.tenancy.settings(who),
        lambda: desk.tenancy.overview(who),
        lambda: desk.tenancy.change_settings(who, name="Mine"),
    ):
        with pytest.raises(ForbiddenError):
            act()
    assert desk.state() == before


def test_a_super_admin_makes_and_lists_tenants(desk: Desk) -> None:
    root = desk.principal("root")
    desk.tenancy.create(root, "fresh", "Fresh", currency="GBP", timezone="Europe/London")
    rows = desk.tenancy.tenants(root)
    assert [(row.id, row.name, row.people, row.suspended) for row in rows] == [
        ("acme", "Acme", 5, False), ("fresh", "Fresh", 0, False), ("outside", "Outside", 2, False),
    ]  # fmt: skip
    assert desk.actions(None) == [("root", "tenant.created", "fresh", "ok")]
    with pytest.raises(ConflictError):
        desk.tenancy.create(root, "fresh")
    for bad, field in (({"tenant": "Fresh!"}, "tenant"), ({"currency": "x"}, "currency")):
        with pytest.raises(InvalidInputError) as refused:
            desk.tenancy.create(root, **{"tenant": "other", **bad})
        assert refused.value.field == field


def test_a_suspended_tenant_refuses_its_people_and_keys_until_it_is_resumed(desk: Desk) -> None:
    root, services = desk.principal("root"), desk.platform.services
    _, text = desk.keys.create(desk.principal("alice"), "shop", WRITE)
    assert services.credentials.of_key(text)
    secret, resumed = desk.sign_in("bob")
    stranger, other = desk.sign_in("charlie")
    desk.tenancy.suspend(root, "acme")
    assert not desk.holds(resumed)
    assert desk.goes_on(secret) is None
    with pytest.raises(UnauthenticatedError) as refused:
        desk.fresh_credentials().of_key(text)
    assert refused.value.code == "tenant_suspended"
    assert desk.holds(other)
    assert desk.goes_on(stranger) is not None
    desk.tenancy.suspend(root, "acme")
    desk.tenancy.resume(root, "acme")
    assert not desk.holds(resumed)
    assert desk.goes_on(secret) is not None
    assert desk.fresh_credentials().of_key(text)
    expected = [("root", f"tenant.{verb}", "acme", "ok") for verb in ("suspended", "resumed")]
    assert desk.actions(None) == expected
    assert desk.actions("acme")[1:] == expected


def test_no_scheduled_job_runs_for_a_suspended_tenant(
    desk: Desk, jobs: list[tuple[str, list[Any]]]
) -> None:
    for name in ("acme", "outside"):
        desk.platform.send(raw_event(), name=name)
    desk.tenancy.suspend(desk.principal("root"), "outside")
    assert tasks.refresh_due(desk.platform.services) > 0
    assert {arguments[0] for _, arguments in jobs} == {"acme"}


def test_a_tenant_is_deleted_only_when_suspended_confirmed_and_left(
    desk: Desk, jobs: list[tuple[str, list[Any]]]
) -> None:
    root, inside = desk.principal("root"), desk.principal("root", "outside")
    with pytest.raises(ConflictError, match="Suspend outside first"):
        desk.tenancy.delete(root, "outside", "outside")
    desk.tenancy.suspend(root, "outside")
    before = desk.state()
    for confirm in ("", "Outside", "acme"):
        with pytest.raises(InvalidInputError) as refused:
            desk.tenancy.delete(root, "outside", confirm)
        assert refused.value.field == "confirm"
    with pytest.raises(ConflictError, match="go to another"):
        desk.tenancy.delete(inside, "outside", "outside")
    with pytest.raises(NotFoundError):
        desk.tenancy.delete(root, "nowhere", "nowhere")
    assert desk.state() == before
    assert jobs == []


def test_a_deleted_tenant_leaves_nothing_and_takes_nothing_of_others(
    desk: Desk, jobs: list[tuple[str, list[Any]]]
) -> None:
    platform, root = desk.platform, desk.principal("root")
    platform.add_tenant("outside2")
    for name in ("acme", "outside", "outside2"):
        platform.send(raw_event(), name=name)
    desk.keys.create(desk.principal("alice"), "shop", WRITE)
    key, _ = desk.keys.create(desk.principal("charlie", "outside"), "shop", WRITE)
    _, text = desk.keys.create(desk.principal("charlie", "outside"), "shop", WRITE)
    # A key whose middle looks like the tenant's is another's all the same.
    platform.client.set("insight:{acme}:{outside}:x", "acme's")
    charlies, charlie = desk.sign_in("charlie")
    doras, dora = desk.sign_in("dora")
    alices, _ = desk.sign_in("alice")
    desk.tenancy.suspend(root, "outside")
    kept = {name: value for name, value in desk.state().items() if b"{acme}" in name}
    kept |= {name: value for name, value in desk.state().items() if b"{outside2}" in name}
    jobs.clear()
    desk.tenancy.delete(root, "outside", "outside")

    assert [name for name in desk.state() if b":{outside}" in name] == [
        b"insight:{acme}:{outside}:x"
    ]
    assert {name: desk.state()[name] for name in kept} == kept
    assert not desk.exists("charlie")
    assert desk.goes_on(charlies) is None
    assert not desk.holds(charlie)
    assert desk.user("dora").memberships == {ACME: desk.user("bob").memberships[ACME]}
    assert desk.goes_on(doras) is not None
    assert desk.goes_on(alices) is not None
    assert not desk.holds(dora)
    assert desk.user("root").home == ACME
    with pytest.raises(UnauthenticatedError):
        desk.fresh_credentials().of_key(text)
    assert platform.services.accounts.users.find_key(key.key_id) is None
    assert desk.actions(None)[-1] == ("root", "tenant.deleted", "outside", "ok")
    assert ("cip.delete_history", ["outside"]) in jobs


def test_the_history_goes_when_nobody_consumes_the_stream_any_more(
    desk: Desk, jobs: list[tuple[str, list[Any]]]
) -> None:
    platform, root = desk.platform, desk.principal("root")
    for name in ("acme", "outside"):
        platform.send(raw_event(), name=name)
    folder = Path(HistoryTable(platform.history_root, OUTSIDE).folder)
    assert folder.is_dir()

    def work() -> bool:
        return tasks.delete_history(OUTSIDE, platform.services, platform.history_root)

    assert work()  # nobody asked for it
    assert folder.is_dir()
    lease = Lease(platform.client, keys.ingest_lease(OUTSIDE), 60_000)
    assert lease.acquire()
    desk.tenancy.suspend(root, "outside")
    desk.tenancy.delete(root, "outside", "outside")
    assert not work()
    assert folder.is_dir()
    with pytest.raises(ConflictError, match="still being deleted"):
        desk.tenancy.create(root, "outside")
    platform.client.set(keys.history_position(OUTSIDE), 7)  # as ingest did meanwhile
    lease.release()
    assert work()
    assert not folder.exists()
    assert [name for name in desk.state() if b"{outside}" in name] == []
    assert HistoryTable(platform.history_root, ACME).exists()
    desk.tenancy.create(root, "outside")


def test_a_name_that_was_deleted_can_be_used_again_at_once(
    desk: Desk, jobs: list[tuple[str, list[Any]]]
) -> None:
    root, platform = desk.principal("root"), desk.platform
    desk.tenancy.suspend(root, "outside")
    desk.tenancy.delete(root, "outside", "outside")
    assert tasks.delete_history(OUTSIDE, platform.services, platform.history_root)
    desk.clock.move(seconds=1)
    desk.tenancy.create(root, "outside")
    desk.everyone.create(root, "charlie", PASSWORD, OUTSIDE, Role.VIEWER)
    assert desk.holds(desk.sign_in("charlie")[1])


def test_a_deletion_that_failed_half_way_can_be_repeated(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = desk.principal("root")
    desk.tenancy.suspend(root, "outside")

    def away(*_: object) -> None:
        raise UnavailableError("away")

    with monkeypatch.context() as patched:
        patched.setattr(JobQueue, "enqueue", away)
        with pytest.raises(UnavailableError):
            desk.tenancy.delete(root, "outside", "outside")
    assert desk.exists("charlie")
    assert desk.actions(None)[-1] == ("root", "tenant.deleted", "outside", "failed")
    monkeypatch.setattr(JobQueue, "enqueue", lambda *_: None)
    desk.tenancy.delete(root, "outside", "outside")
    assert not desk.exists("charlie")


def test_the_only_tenant_cannot_be_deleted(desk: Desk, jobs: list[tuple[str, list[Any]]]) -> None:
    root = desk.principal("root")
    for name in ("outside", "acme"):
        desk.tenancy.suspend(root, name)
    desk.tenancy.delete(root, "outside", "outside")
    elsewhere = root.__class__("root", tenant_id("nowhere"), root.role, root.permissions)
    with pytest.raises(ConflictError, match="only tenant"):
        desk.tenancy.delete(elsewhere, "acme", "acme")


def test_the_comparison_has_each_tenants_own_figures(
    desk: Desk, jobs: list[tuple[str, list[Any]]]
) -> None:
    platform = desk.platform
    platform.send(
        raw_event(customer="a", kind="purchase.completed"), raw_event(customer="b"), name="outside"
    )
    platform.client.xadd(keys.dead_letters(OUTSIDE), {"e": "x"})
    root = desk.principal("root")
    acme, outside = desk.tenancy.comparison(root)
    assert (acme.tenant, acme.customers, acme.revenue_minor, acme.events, acme.errors) == (
        "acme", 0, 0, 0, 0,
    )  # fmt: skip
    assert (outside.tenant, outside.customers, outside.events, outside.errors) == (
        "outside", None, None, 1,
    )  # fmt: skip
    for job, arguments in jobs:
        assert job == "cip.compute_insight"
        tasks.compute_insight(
            tasks.Job.of(*arguments), platform.services, platform.history_root, desk.clock
        )
    _, outside = desk.tenancy.comparison(root)
    assert (outside.customers, outside.revenue_minor, outside.events) == (2, 1_000, 2)


def test_the_platform_makes_disables_and_promotes_users(desk: Desk) -> None:
    root = desk.principal("root")
    desk.everyone.create(root, "eve", PASSWORD, ACME, Role.VIEWER, super_admin=True)
    assert desk.user("eve").super_admin
    secret, resumed = desk.sign_in("dora")
    desk.everyone.set_disabled(root, "dora", True)
    assert desk.goes_on(secret) is None
    assert not desk.holds(resumed)
    desk.everyone.set_disabled(root, "dora", False)
    secret, resumed = desk.sign_in("dora")
    desk.everyone.set_password(root, "dora", "a wholly different phrase")
    assert desk.goes_on(secret) is None
    desk.everyone.set_super_admin(root, "dora", True)
    assert desk.user("dora").super_admin
    assert desk.actions(None) == [
        ("root", "user.created", "eve", "ok"),
        ("root", "user.super_admin_changed", "dora", "ok"),
    ]
    with pytest.raises(ConflictError, match="themselves"):
        desk.everyone.set_super_admin(root, "root", False)
    with pytest.raises(NotFoundError):
        desk.everyone.set_password(root, "nobody", PASSWORD)
