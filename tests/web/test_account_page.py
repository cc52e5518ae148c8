"""The account page and the tenant switcher: what their callbacks do, and for whom."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from dash import Dash

from cip.auth.policy import PERMISSIONS
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.sessions import Session
from cip.domain.tenants import tenant_id
from cip.web.requests import UPDATE
from layouts.account_agents import words
from tests.factories import Platform
from tests.waiting import wait_until
from tests.web.conftest import PASSWORD, Client, prove_page, sign_in

NEW = "seven quiet green lamps"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def post(app: Dash, client: Client, output: str, **values: Any) -> Client:
    """The answer of the callback that fills `output`; `values` by the id, with _ for -."""
    key, entry = next(
        (key, entry)
        for key, entry in app.callback_map.items()
        if entry.get("callback") and output in key.strip(".").split("...")
    )
    outputs = entry["output"] if isinstance(entry["output"], (list, tuple)) else None
    names = [
        {"id": one.component_id_str(), "property": one.component_property}
        for one in outputs or [entry["output"]]
    ]

    def filled(items: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{**item, "value": values.get(item["id"].replace("-", "_"))} for item in items]

    body = {
        "output": key,
        "outputs": names if outputs else names[0],
        "inputs": filled(entry["inputs"]),
        "state": filled(entry["state"]),
        "changedPropIds": [],
    }
    return client.post(UPDATE, json=body)


def shown(answer: Client, component: str, prop: str) -> Any:
    assert answer.status_code == 200, answer.text
    return orjson.loads(answer.data)["response"][component][prop]


def sessions_of(platform: Platform, username: str) -> list[Session]:
    return platform.services.sessions._store.of(username)


def rows(app: Dash, client: Client) -> list[dict[str, Any]]:
    answer = post(app, client, "sessions-table-data.data")
    found: list[dict[str, Any]] = shown(answer, "sessions-table-data", "data")["rows"]
    return found


def change(app: Dash, client: Client, old: object, new: object, again: object) -> Client:
    return post(
        app,
        client,
        "password-changed.data",
        password_form=1,
        password_old=old,
        password_new=new,
        password_again=again,
    )


def end(app: Dash, client: Client, wanted: object) -> Client:
    return post(app, client, "sessions-ended.data", session_ending=wanted)


def until_signed_out(*clients: Client) -> None:
    """Every worker knows of an ended session within a second."""
    wait_until(
        lambda: all(client.get("/").status_code == 302 for client in clients), 1.0, "signed out"
    )


def join_outside(platform: Platform, username: str) -> None:
    platform.services.accounts.users.change(
        username,
        lambda user: user.model_copy(
            update={"memberships": {**user.memberships, tenant_id("outside"): Role.VIEWER}}
        ),
    )


def test_the_profile_tells_who_one_is_and_where(app: Dash, platform: Platform, bob: Client) -> None:
    join_outside(platform, "bob")
    answer = post(app, bob, "profile-name.value")
    assert shown(answer, "profile-name", "value") == "bob"
    assert shown(answer, "profile-username", "children") == "bob"
    table = shown(answer, "profile-table-data", "data")
    places = [[row[0]["text"], row[1], row[2]["text"]] for row in table["rows"]]
    assert places == [["Acme", "You are here", "Viewer"], ["Outside", "", "Viewer"]]


def test_what_is_being_typed_is_not_overwritten(app: Dash, bob: Client) -> None:
    assert post(app, bob, "profile-name.value", profile_drawn=True).status_code == 204


def test_a_name_is_changed_and_a_bad_one_refused_beside_the_field(
    app: Dash, platform: Platform, bob: Client
) -> None:
    def rename(name: object) -> Client:
        return post(app, bob, "profile-name-said.children", profile_form=1, profile_name=name)

    assert "Saved." in rename("  Bob Example ").text
    assert platform.services.accounts.users.find("bob").name == "Bob Example"  # type: ignore[union-attr]
    for bad in ("", None, "x" * 121):
        answer = rename(bad)
        assert answer.status_code == 200
        assert "Saved." not in answer.text, bad
    hostile: Any
    for hostile in (5, [], {"a": 1}, "x" * 2_000):
        assert rename(hostile).status_code == 422
    assert platform.services.accounts.users.find("bob").name == "Bob Example"  # type: ignore[union-attr]


def test_a_new_password_keeps_this_browser_and_ends_the_others(app: Dash, bob: Client) -> None:
    other = sign_in(app, "bob")
    assert other.get("/").status_code == 200
    answer = change(app, bob, PASSWORD, NEW, NEW)
    assert "Every other browser of yours is signed out" in answer.text
    assert shown(answer, "password-new", "value") == ""
    until_signed_out(other)
    assert len(rows(app, bob)) == 1
    client = app.server.test_client()
    assert client.post("/login", data={"username": "bob", "password": PASSWORD}).status_code == 401
    assert client.post("/login", data={"username": "bob", "password": NEW}).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "beside"),
    [
        ("wrong horse battery", NEW, NEW, "password-old-said"),
        (None, NEW, NEW, "password-old-said"),
        (PASSWORD, "short", "short", "password-new-said"),
        (PASSWORD, PASSWORD, PASSWORD, "password-new-said"),
        (PASSWORD, NEW, f"{NEW} ", "password-again-said"),
    ],
)
def test_a_refused_password_is_explained_beside_its_field_and_changes_nothing(
    app: Dash, bob: Client, old: object, new: object, again: object, beside: str
) -> None:
    other = sign_in(app, "bob")
    answer = change(app, bob, old, new, again)
    said = {
        name: values["children"]
        for name, values in orjson.loads(answer.data)["response"].items()
        if name.endswith("-said")
    }
    assert [name for name, children in said.items() if children] == [beside]
    assert str(old) not in answer.text
    assert str(new) not in answer.text
    assert other.get("/").status_code == 200
    sign_in(app, "bob")


@pytest.mark.parametrize("hostile", [5, [], {"a": 1}, True, "x" * 2_000])
def test_a_password_that_no_field_can_hold_is_refused(
    app: Dash, bob: Client, hostile: object
) -> None:
    assert change(app, bob, hostile, NEW, NEW).status_code == 422
    assert change(app, bob, PASSWORD, hostile, hostile).status_code == 422
    sign_in(app, "bob")


def test_guessing_the_present_password_is_throttled(app: Dash, bob: Client) -> None:
    answers = [change(app, bob, "wrong horse battery", NEW, NEW).text for _ in range(12)]
    assert "Too many tries" not in answers[0]
    assert "Too many tries" in answers[-1]


def test_sessions_are_listed_in_words_and_without_their_ids(
    app: Dash, platform: Platform, bob: Client
) -> None:
    client = app.server.test_client()
    data = {"username": "bob", "password": PASSWORD}
    client.post("/login", data=data, headers={"User-Agent": FIREFOX})
    answer = post(app, bob, "sessions-table-data.data")
    listed = shown(answer, "sessions-table-data", "data")
    assert listed["others"] == 1
    assert [row["mine"] for row in listed["rows"]] == [True, False]
    assert listed["rows"][1]["browser"] == "Firefox on Linux"
    assert listed["rows"][1]["address"] == "127.0.0.1"
    for session in sessions_of(platform, "bob"):
        assert session.id not in answer.text
        assert session.id[:12] in answer.text


def test_one_session_is_ended_at_once_and_the_others_stay(app: Dash, bob: Client) -> None:
    second, third = sign_in(app, "bob"), sign_in(app, "bob")
    mine = next(row["handle"] for row in rows(app, second) if row["mine"])
    assert "Signed out" in end(app, bob, {"handle": mine}).text
    until_signed_out(second)
    assert third.get("/").status_code == 200
    assert bob.get("/").status_code == 200


def test_all_others_are_ended_and_this_one_stays(app: Dash, alice: Client, bob: Client) -> None:
    others = [sign_in(app, "bob") for _ in range(3)]
    assert "Signed out 3 other browsers." in end(app, bob, {"handle": "others"}).text
    until_signed_out(*others)
    assert bob.get("/").status_code == 200
    assert alice.get("/").status_code == 200


def test_another_persons_session_does_not_exist_and_is_not_ended(
    app: Dash, platform: Platform, alice: Client, bob: Client, charlie: Client
) -> None:
    for victim, client in (("alice", alice), ("charlie", charlie)):
        (session,) = sessions_of(platform, victim)
        assert end(app, bob, {"handle": session.id[:12]}).status_code == 404
        assert client.get("/").status_code == 200
        assert sessions_of(platform, victim) == [session]


@pytest.mark.parametrize(
    "hostile",
    ["x", 5, [], {}, {"handle": None}, {"handle": ["a"]}, {"handle": ""}, {"handle": "*"},
     {"handle": "0" * 64}, {"handle": "g" * 12}, {"handle": "../../session"}],
)  # fmt: skip
def test_a_handle_that_is_none_is_refused(app: Dash, bob: Client, hostile: object) -> None:
    assert end(app, bob, hostile).status_code == 422
    assert len(rows(app, bob)) == 1


def test_the_switcher_is_there_only_where_there_is_a_choice(
    app: Dash, platform: Platform, bob: Client
) -> None:
    answer = post(app, bob, "tenants-data.data")
    assert shown(answer, "tenants-data", "data") == {"several": False}
    join_outside(platform, "bob")
    answer = post(app, bob, "tenants-data.data")
    assert shown(answer, "tenants-data", "data") == {"several": True}
    answer = post(app, bob, "tenants-data.data", tenants_asked=1)
    assert shown(answer, "tenants-data", "data")["tenants"] == [
        {"id": "acme", "name": "Acme", "current": True, "suspended": False},
        {"id": "outside", "name": "Outside", "current": False, "suspended": False},
    ]


def test_the_list_names_no_tenant_that_one_is_no_member_of(
    app: Dash, platform: Platform, alice: Client
) -> None:
    platform.add_tenant("secret-canary")
    answer = post(app, alice, "tenants-data.data", tenants_asked=1)
    assert "outside" not in answer.text
    assert "canary" not in answer.text


def test_a_super_admin_may_choose_among_all(app: Dash, platform: Platform) -> None:
    platform.services.accounts.users.change(
        "alice", lambda user: user.model_copy(update={"super_admin": True})
    )
    root = sign_in(app, "alice")
    answer = post(app, root, "tenants-data.data", tenants_asked=1)
    found = [one["id"] for one in shown(answer, "tenants-data", "data")["tenants"]]
    assert found == ["acme", "outside"]


def test_entering_moves_this_session_and_no_other(
    app: Dash, platform: Platform, bob: Client
) -> None:
    join_outside(platform, "bob")
    bob, stays = sign_in(app, "bob"), sign_in(app, "bob")
    answer = post(app, bob, "tenant-entered.data", tenant_chosen={"tenant": "outside"})
    assert shown(answer, "tenant-entered", "data") == "outside"
    for client, name in ((bob, "Outside"), (stays, "Acme")):
        assert client.get("/").status_code == 200
        prove_page(client)
        assert shown(post(app, client, "pulse.data"), "pulse", "data")["tenant"] == name


@pytest.mark.parametrize("tenant", ["outside", "nowhere"])
def test_a_tenant_of_others_cannot_be_entered(
    app: Dash, platform: Platform, bob: Client, tenant: str
) -> None:
    answer = post(app, bob, "tenant-entered.data", tenant_chosen={"tenant": tenant})
    assert answer.status_code == 403
    assert sessions_of(platform, "bob")[0].tenant == "acme"
    assert shown(post(app, bob, "pulse.data"), "pulse", "data")["tenant"] == "Acme"


@pytest.mark.parametrize(
    "hostile", ["outside", 5, [], {}, {"tenant": 5}, {"tenant": "{acme}"}, {"tenant": "a" * 99}]
)
def test_what_is_no_tenant_id_is_refused(app: Dash, bob: Client, hostile: object) -> None:
    answer = post(app, bob, "tenant-entered.data", tenant_chosen=hostile)
    assert answer.status_code == 422
    assert answer.json["error"]["field"] == "tenant"


def test_a_suspended_tenant_is_not_entered_and_nobody_is_signed_out(
    app: Dash, platform: Platform, bob: Client
) -> None:
    join_outside(platform, "bob")
    bob = sign_in(app, "bob")
    platform.services.accounts.tenants.change(
        tenant_id("outside"), lambda one: one.model_copy(update={"suspended": True})
    )
    answer = post(app, bob, "tenant-entered.data", tenant_chosen={"tenant": "outside"})
    assert answer.status_code == 403
    assert bob.get("/").status_code == 200


def test_an_unknown_browser_is_not_guessed() -> None:
    assert words(FIREFOX) == "Firefox on Linux"
    assert words("") == "An unknown browser"
    assert words("Mozilla/5.0 (Windows NT 10.0)") == "A browser on Windows"
    assert words("curl/8.5") == "curl"


def test_an_api_key_has_no_account(platform: Platform) -> None:
    key = Principal("k1", tenant_id("acme"), Role.API_KEY, PERMISSIONS[Role.VIEWER])
    assert platform.services.sessions.tenants(key) == []
