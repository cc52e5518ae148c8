"""The administration's callbacks: who may, on whose things, and with which values."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from dash import Dash

from callbacks._audit_log import LogQuery, entries
from callbacks.admin_rows import people_table
from cip.auth.policy import KEY_SCOPES, PERMISSIONS
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId, tenant_id
from cip.store import keys as redis_keys
from layouts import PAGES, ids
from layouts.admin import ROLES, SCOPES
from layouts.admin_settings import FIELDS
from layouts.audit_words import action_words, change_lines
from tests.factories import Platform
from tests.web.conftest import PASSWORD, Client, sign_in

UPDATE = "/_dash-update-component"
ACME, OUTSIDE = tenant_id("acme"), tenant_id("outside")
AREAS = {
    ids.ADMIN_USERS: Permission.USERS_MANAGE,
    ids.ADMIN_KEYS: Permission.KEYS_MANAGE,
    ids.ADMIN_SETTINGS: Permission.SETTINGS_MANAGE,
    ids.PLATFORM_TENANTS: Permission.TENANTS_MANAGE,
}
HOSTILE: tuple[Any, ...] = (
    "x", -1, [], {}, True, {"action": "invite"}, {"action": "invite", "values": []},
    {"action": 5, "target": "", "values": {}, "nonce": 1},
    {"action": "invite", "target": [], "values": {}, "nonce": 1},
    {"action": "__class__", "target": "", "values": {}, "nonce": 1},
    {"action": "invite", "target": "", "values": {"username": ["a"]}, "nonce": 1},
    {"action": "create", "target": "", "values": {"label": {}, "scopes": "all"}, "nonce": 1},
    {"action": "create", "target": "", "values": {"label": "k", "scopes": [["x"]]}, "nonce": 1},
    {"action": "save", "target": "", "values": {"epoch": "5"}, "nonce": 1},
    {"action": "save", "target": "", "values": {"retention_days": "-1"}, "nonce": 1},
    {"action": "save", "target": "", "values": {"timezone": "../../etc/passwd"}, "nonce": 1},
    {"action": "delete", "target": "acme}*", "values": {"confirm": "acme}*"}, "nonce": 1},
    {"action": "role", "target": "bob", "values": {"role": "super_admin"}, "nonce": 1},
    {"action": "role", "target": "b\0b" * 900, "values": {"role": "admin"}, "nonce": 1},
)  # fmt: skip
BAD_QUERIES: tuple[Any, ...] = (
    "x", [], {"text": 5}, {"pages": 0}, {"pages": True}, {"pages": 51}, {"text": "a" * 121},
)  # fmt: skip


@pytest.fixture
def root(app: Dash, platform: Platform) -> Client:
    """A super admin of the platform, in the tenant acme."""
    create = platform.services.accounts.create_user
    user = create("root", PASSWORD, ACME, Role.ADMIN)
    users = platform.services.accounts.users
    users.change(user.username, lambda one: one.model_copy(update={"super_admin": True}))
    return sign_in(app, "root")


@pytest.fixture
def anna(app: Dash, platform: Platform) -> Client:
    """An analyst of acme."""
    platform.services.accounts.create_user("anna", PASSWORD, ACME, Role.ANALYST)
    return sign_in(app, "anna")


def who(name: str = "alice", tenant: TenantId = ACME, role: Role = Role.ADMIN) -> Principal:
    return Principal(name, tenant, role, PERMISSIONS[role])


def post(app: Dash, client: Client, output: str, **values: Any) -> Client:
    """Posts the callback that writes `output` (`id.property`), with these values by id."""
    (key,) = (key for key in app.callback_map if output in key.strip(".").split("..."))
    entry = app.callback_map[key]
    several = isinstance(entry["output"], (list, tuple))
    outputs = [
        {"id": one.component_id_str(), "property": one.component_property}
        for one in (entry["output"] if several else [entry["output"]])
    ]
    body = {
        "output": key,
        "outputs": outputs if several else outputs[0],
        "inputs": [{**item, "value": values.get(item["id"])} for item in entry["inputs"]],
        "state": [{**item, "value": values.get(item["id"])} for item in entry["state"]],
        "changedPropIds": [],
    }
    return client.post(UPDATE, json=body)


def ask(app: Dash, client: Client, area: str, act: Any) -> Client:
    return post(app, client, f"{ids.answer(area)}.data", **{ids.act(area): act})


def act(action: str, target: str = "", **values: Any) -> dict[str, Any]:
    return {"action": action, "target": target, "values": values, "nonce": 1.5}


def answer_of(area: str, response: Client) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json["response"][ids.answer(area)]["data"]
    return answer


def admin_callbacks(app: Dash) -> dict[str, Permission]:
    guard = app.server.extensions["cip_guard"]
    return {
        key: permission
        for key, permission in guard._callbacks.items()
        if key.strip(".").startswith(("admin-", "platform-"))
    }


def test_every_callback_of_the_pages_is_refused_to_whoever_lacks_its_permission(
    app: Dash, alice: Client, bob: Client, anna: Client
) -> None:
    guarded = admin_callbacks(app)
    assert len(guarded) == 17
    for key, permission in guarded.items():
        first = key.strip(".").split("...")[0]
        for client in (bob, anna):
            answer = post(app, client, first)
            assert answer.status_code == 403, (key, answer.text)
            assert answer.json["error"]["message"]
        status = post(app, alice, first).status_code
        if permission is Permission.TENANTS_MANAGE:
            assert status == 403, key
        else:
            assert status in (200, 204), key


def test_each_area_asks_for_its_own_permission(app: Dash) -> None:
    guarded = admin_callbacks(app)
    for area, permission in AREAS.items():
        assert guarded[f"{ids.answer(area)}.data"] is permission
    assert PAGES["/admin"].permission is Permission.SETTINGS_MANAGE
    assert PAGES["/platform"].permission is Permission.TENANTS_MANAGE


def test_a_page_that_the_role_lacks_is_said_to_be_so(app: Dash, bob: Client, alice: Client) -> None:
    for client, path, shown in (
        (bob, "/admin", "Not allowed"),
        (bob, "/platform", "Not allowed"),
        (alice, "/platform", "Not allowed"),
        (alice, "/admin", "Administration"),
    ):
        answer = post(app, client, f"{ids.CONTENT}.children", **{ids.URL: path})
        assert shown in answer.text, path


def test_hostile_values_are_refused_and_never_break(app: Dash, alice: Client, root: Client) -> None:
    for area in AREAS:
        client = root if area == ids.PLATFORM_TENANTS else alice
        for value in HOSTILE:
            answer = ask(app, client, area, value)
            assert answer.status_code == 422, (area, value, answer.text)
            assert "Traceback" not in answer.text
    for panel in (ids.ADMIN_AUDIT, ids.PLATFORM_AUDIT):
        for query in BAD_QUERIES:
            values = {ids.opened(panel): 1, ids.log_query(panel): query, ids.csv(panel): 1}
            for output in (f"{ids.table_data(panel)}.data", f"{ids.download(panel)}.data"):
                answer = post(app, root, output, **values)
                assert answer.status_code == 422, (panel, query, answer.text)


def test_nothing_asked_for_does_nothing(app: Dash, alice: Client) -> None:
    for area in (ids.ADMIN_USERS, ids.ADMIN_KEYS, ids.ADMIN_SETTINGS):
        assert ask(app, alice, area, None).status_code == 204


def test_another_tenants_people_keys_and_settings_do_not_exist(
    app: Dash, platform: Platform, alice: Client
) -> None:
    users = platform.services.accounts.users
    theirs = platform.services.keys.create(
        who("charlie", OUTSIDE), "canary-key", frozenset({Permission.ANALYTICS_VIEW})
    )[0]
    before = (users.find("charlie"), users.find_key(theirs.key_id))
    logged = len(platform.services.audit.page(OUTSIDE))
    for wish in (
        act("role", "charlie", role="viewer"),
        act("disable", "charlie"),
        act("enable", "charlie"),
        act("remove", "charlie"),
        act("sign_out", "charlie"),
        act("renew", "charlie"),
    ):
        answer = ask(app, alice, ids.ADMIN_USERS, wish)
        assert answer.status_code == 404, wish
        nobody = ask(app, alice, ids.ADMIN_USERS, {**wish, "target": "nobody-at-all"})
        assert answer.json["error"]["message"] == nobody.json["error"]["message"]
    assert ask(app, alice, ids.ADMIN_KEYS, act("revoke", theirs.key_id)).status_code == 404
    assert (users.find("charlie"), users.find_key(theirs.key_id)) == before
    assert len(platform.services.audit.page(OUTSIDE)) == logged
    for output, panel in (
        (f"{ids.table_data(ids.ADMIN_USERS)}.data", ids.ADMIN_USERS),
        (f"{ids.table_data(ids.ADMIN_KEYS)}.data", ids.ADMIN_KEYS),
        (f"{ids.table_data(ids.ADMIN_AUDIT)}.data", ids.ADMIN_AUDIT),
    ):
        shown = post(app, alice, output, **{ids.opened(panel): 1})
        assert shown.status_code == 200
        assert "charlie" not in shown.text
        assert "canary-key" not in shown.text


def test_an_invitation_shows_its_code_once_and_the_list_shows_who_waits(
    app: Dash, alice: Client
) -> None:
    wish = act("invite", username="robin", name="Robin", role="analyst")
    answer = answer_of(ids.ADMIN_USERS, ask(app, alice, ids.ADMIN_USERS, wish))
    code = answer["secret"]["value"]
    assert code.endswith(".robin")
    assert answer["reset"] is True
    shown = post(
        app, alice, f"{ids.table_data(ids.ADMIN_USERS)}.data", **{ids.opened(ids.ADMIN_USERS): 1}
    )
    rows = shown.json["response"][ids.table_data(ids.ADMIN_USERS)]["data"]["rows"]
    assert [row["key"] for row in rows] == ["alice", "bob", "robin"]
    assert code not in shown.text
    again = ask(app, alice, ids.ADMIN_USERS, wish)
    assert (again.status_code, again.json["error"]["field"]) == (409, "username")


def test_an_error_names_the_field_that_it_is_about(app: Dash, alice: Client) -> None:
    for area, wish, field in (
        (ids.ADMIN_USERS, act("invite", username="No Good", name="N", role="admin"), "username"),
        (ids.ADMIN_USERS, act("invite", username="good", name="", role="admin"), "name"),
        (ids.ADMIN_USERS, act("invite", username="good", name="G", role="root"), "role"),
        (ids.ADMIN_KEYS, act("create", label="k", scopes=[]), "scopes"),
        (ids.ADMIN_KEYS, act("create", label="k", scopes=["users:manage"]), "scopes"),
        (ids.ADMIN_KEYS, act("create", label="", scopes=["events:write"]), "label"),
        (ids.ADMIN_SETTINGS, act("save", currency="euro"), "currency"),
        (ids.ADMIN_SETTINGS, act("save", retention_days="ten"), "retention_days"),
    ):
        answer = ask(app, alice, area, wish)
        assert (answer.status_code, answer.json["error"]["field"]) == (422, field), wish


def test_a_role_change_can_be_undone_by_what_its_answer_offers(
    app: Dash, platform: Platform, alice: Client
) -> None:
    changed = answer_of(
        ids.ADMIN_USERS, ask(app, alice, ids.ADMIN_USERS, act("role", "bob", role="admin"))
    )
    assert changed["text"] == "bob is an administrator now."
    undone = ask(app, alice, ids.ADMIN_USERS, {**changed["undo"], "nonce": 2})
    assert answer_of(ids.ADMIN_USERS, undone)["text"] == "bob is a viewer now."
    bob = platform.services.accounts.users.find("bob")
    assert bob is not None
    assert bob.memberships[ACME] is Role.VIEWER


def test_settings_say_what_changed_and_can_be_put_back(
    app: Dash, platform: Platform, alice: Client
) -> None:
    before = platform.services.tenancy.settings(who())
    wish = act("save", name=before.name, retention_days="365", week_start="sunday")
    saved = answer_of(ids.ADMIN_SETTINGS, ask(app, alice, ids.ADMIN_SETTINGS, wish))
    assert saved["more"] == (
        "Week begins on: Monday → Sunday; Retention in days: any age → 365 days"
    )
    assert platform.services.tenancy.settings(who()).retention_days == 365
    ask(app, alice, ids.ADMIN_SETTINGS, {**saved["undo"], "nonce": 2})
    assert platform.services.tenancy.settings(who()) == before


def test_the_platform_makes_suspends_resumes_and_deletes_a_tenant(
    app: Dash, platform: Platform, root: Client
) -> None:
    tenants = platform.services.accounts.tenants
    area = ids.PLATFORM_TENANTS
    new = act("create", tenant="fresh", name="Fresh", currency="usd", timezone="")
    assert answer_of(area, ask(app, root, area, new))["text"] == "The tenant fresh is added."
    made = tenants.get(tenant_id("fresh"))
    assert (made.name, made.currency, made.timezone) == ("Fresh", "USD", "UTC")
    early = ask(app, root, area, act("delete", "fresh", confirm="fresh"))
    assert early.status_code == 409
    suspended = answer_of(area, ask(app, root, area, act("suspend", "fresh")))
    assert tenants.get(tenant_id("fresh")).suspended
    answer_of(area, ask(app, root, area, {**suspended["undo"], "nonce": 2}))
    assert not tenants.get(tenant_id("fresh")).suspended
    ask(app, root, area, act("suspend", "fresh"))
    wrong = ask(app, root, area, act("delete", "fresh", confirm="frsh"))
    assert (wrong.status_code, wrong.json["error"]["field"]) == (422, "confirm")
    answer_of(area, ask(app, root, area, act("delete", "fresh", confirm="fresh")))
    assert tenant_id("fresh") not in tenants.ids()
    actions = [entry.event.action for entry in platform.services.audit.page(None)]
    assert actions[0] == "tenant.deleted"
    assert platform.services.audit.verify(None).problem is None


def test_the_audit_log_is_filtered_and_its_file_is_what_is_shown_and_runs_no_formula(
    app: Dash, platform: Platform, alice: Client
) -> None:
    for number in range(3):
        platform.services.audit.record(ACME, "=cmd()", "test.happened", f"@target{number}")
    query = {"text": "TARGET1", "pages": 1}
    panel = ids.ADMIN_AUDIT
    values = {ids.opened(panel): 1, ids.log_query(panel): query, ids.csv(panel): 1}
    shown = post(app, alice, f"{ids.table_data(panel)}.data", **values)
    assert len(shown.json["response"][ids.table_data(panel)]["data"]["rows"]) == 1
    sent = post(app, alice, f"{ids.download(panel)}.data", **values)
    content = sent.json["response"][ids.download(panel)]["data"]["content"]
    (row,) = csv.DictReader(io.StringIO(content))
    assert (row["subject"], row["target"]) == ("'=cmd()", "'@target1")
    newest = platform.services.audit.page(ACME, limit=1)[0].event
    assert (newest.action, newest.after) == (
        "audit.exported",
        {"file": newest.after["file"] if newest.after else "", "entries": 1},
    )


def test_older_entries_come_by_the_hundred(platform: Platform) -> None:
    for number in range(230):
        platform.services.audit.record(ACME, "someone", "test.happened", str(number))
    sizes = []
    for pages in (1, 2, 3):
        shown, more = entries(platform.services, who(), ACME, LogQuery("", pages))
        sizes.append((len(shown), more))
        assert [entry.event.target for entry in shown[:2]] == ["229", "228"]
    assert sizes == [(100, True), (200, True), (230, False)]


def test_the_chain_is_verified_on_request(app: Dash, platform: Platform, alice: Client) -> None:
    platform.services.audit.record(ACME, "someone", "test.happened", "x")
    many = len(platform.services.audit.page(ACME))
    panel = ids.ADMIN_AUDIT
    answer = post(app, alice, f"{ids.verified(panel)}.children", **{ids.verify(panel): 1})
    assert f"Chain verified: {many} entries" in answer.text


def test_an_entry_that_was_taken_out_is_found(app: Dash, platform: Platform, alice: Client) -> None:
    for number in range(3):
        platform.services.audit.record(ACME, "someone", "test.happened", str(number))
    gone = platform.services.audit.page(ACME)[1]
    assert platform.client.xdel(redis_keys.audit(ACME), gone.id) == 1
    panel = ids.ADMIN_AUDIT
    answer = post(app, alice, f"{ids.verified(panel)}.children", **{ids.verify(panel): 1})
    assert "The chain is broken" in answer.text
    assert "Chain verified" not in answer.text


@pytest.mark.usefixtures("app")
def test_nobody_is_offered_to_act_on_themselves(platform: Platform) -> None:
    people = platform.services.people.all(who())
    table = people_table(
        people, oneself="alice", zone=platform.services.tenancy.settings(who()).zone
    )
    rows = {row["key"]: row["cells"] for row in table["rows"]}
    assert "select" not in rows["alice"][1]
    assert rows["alice"][-1] == ""
    assert "select" in rows["bob"][1]


def test_what_the_pages_offer_is_what_the_rules_allow() -> None:
    assert set(SCOPES) == KEY_SCOPES
    assert set(ROLES) == {Role.VIEWER, Role.ANALYST, Role.ADMIN}
    assert set(FIELDS) == {"name", "timezone", "currency", "week_start", "retention_days"}


def test_an_action_without_words_is_shown_by_its_name(platform: Platform) -> None:
    platform.services.audit.record(
        ACME, "a", "thing.done_so", "b", before={"x": None, "y": 1}, after={"x": 2, "z": True}
    )
    event = platform.services.audit.page(ACME)[0].event
    assert action_words(event) == "thing done so"
    assert change_lines(event) == [["x", "none", "2"], ["y", "1", "gone"], ["z", "", "True"]]
