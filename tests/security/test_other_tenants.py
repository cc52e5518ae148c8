"""Another tenant's ids lead nowhere, and nothing that a client sends chooses the tenant."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cip.auth.policy import PERMISSIONS
from cip.domain.errors import ConflictError, ForbiddenError, NotFoundError
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import tenant_id
from cip.store import keys
from tests.factories import raw_event
from tests.security import sweep
from tests.security.bodies import UPDATE, nothing, pressed
from tests.security.crossing import Foreign, actions, attempts, foreign
from tests.security.worlds import OURS, THEIRS, World, json_of, state_of

# Which of `Foreign` a parameter of a service names.
_ID_PARAMETERS = {
    "username": "user",
    "key_id": "key",
    "session_id": "session",
    "tenant": "tenant",
    "erasure_id": "erasure",
    "letter_id": "letter",
    "name": None,
    "label": None,
}
_LAST_DAY = {"period": {"last": "24h"}}
# Text that names nothing: a new value, or a place in a registry of the platform's own.
_NO_ID = {
    "action", "after", "before", "address", "agent", "body", "code", "confirm", "currency",
    "name", "label",
    "customer_id",  # whatever it is, it is a customer of one's own
    "new", "old", "password", "query", "role", "slug", "target", "timezone", "told", "title",
    "zone",
}  # fmt: skip


def test_no_callback_reaches_into_another_tenant(world: World) -> None:
    ids = foreign(world)
    version = world.version("adelheid")
    before, tried = state_of(world, THEIRS), 0
    assert len(before) >= 3
    # Last the one that takes any text as the person's own name, which then stands in the log.
    for one in sorted(world.callbacks, key=lambda one: one.name == "profile-name-said.children"):
        client = world.caller("admin")
        for body in attempts(one, pressed(version), ids):
            answer = client.post(UPDATE, json=body)
            assert answer.status_code < 500, (one.name, answer.text[:300])
            _says_nothing_of_it(answer, ids, body)
            tried += 1
        assert state_of(world, THEIRS) == before, one.name
    assert tried > 500


def test_every_act_of_the_administration_on_anothers_id_is_not_found(world: World) -> None:
    ids, client = foreign(world), world.caller("admin")
    version = world.version("adelheid")
    known = actions()
    refused = set()
    for one in world.callbacks:
        if not any(component.endswith("-act") for component, _ in one.slots()):
            continue
        if sweep.callback_permission(one.name) not in sweep.held("admin"):
            continue
        for body in attempts(one, pressed(version), ids):
            act = body["inputs"][0]["value"]
            answer = client.post(UPDATE, json=body)
            if isinstance(act, dict) and "action" in act and answer.status_code == 404:
                refused.add(act["action"])
    if "renew" in known:  # the pages of the administration are there
        assert {"renew", "role", "disable", "enable", "sign_out", "remove", "revoke"} <= refused
        assert {"replay", "discard"} <= refused


def test_no_route_reaches_into_another_tenant(world: World) -> None:
    ids = foreign(world)
    before, tried = state_of(world, THEIRS), 0
    for route in sweep.routes(world.app):
        if route.need in ("public", "callback") or "<" not in route.rule:
            continue
        for given in ids.all:
            client = world.caller("admin")
            answer = client.open(route.address(given), method=route.method, json={})
            # Any text may be a customer of one's own.
            wanted = 202 if route.rule.startswith("/api/v1/customers/") else 404
            assert answer.status_code == wanted, (route, answer.status)
            _says_nothing_of_it(answer, ids, route.address(given))
            tried += 1
    assert tried >= 10
    assert state_of(world, THEIRS) == before


def test_every_service_refuses_another_tenants_ids(world: World) -> None:
    """Each method that takes a principal and an id, called directly: as if every page forgot."""
    ids, who = foreign(world), world.principal("adelheid")
    before, tried = state_of(world, THEIRS), []
    for name, method, wanted in _methods_with_ids(world):
        arguments = _arguments(method, wanted, ids)
        try:
            got = method(who, **arguments)
        except (NotFoundError, ForbiddenError, ConflictError):
            got = None
        assert not got, (name, got)
        assert state_of(world, THEIRS) == before, name
        tried.append(name)
    assert {"SessionService.enter", "PeopleService.change_role", "KeyService.revoke"} <= set(tried)


@pytest.mark.parametrize("field", ["tenant", "tenant_id", "role", "permissions", "unheard_of"])
def test_unknown_fields_of_a_body_are_refused(world: World, field: str) -> None:
    client, stranger = world.caller("admin"), world.caller("anonymous")
    for who, path, good in (
        (client, "/api/v1/insights/kpis", {}),
        (client, "/api/v1/insights/timeseries", {}),
        (client, "/api/v1/insights/rfm", {}),
        (client, "/api/v1/insights/engagement", {}),
        (client, "/api/v1/events", {"events": []}),
        (stranger, "/api/v1/auth/refresh", {"refresh_token": "x"}),
        (stranger, "/api/v1/auth/token", {"username": "vic", "password": "x" * 12}),
    ):
        if (path, field) == ("/api/v1/auth/token", "tenant"):
            continue  # which of one's own tenants, and so refused for any other
        answer = who.post(path, json={**good, field: THEIRS})
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json["error"]["field"] == field, (path, answer.text)
    event = raw_event() | {field: THEIRS}
    answer = client.post("/api/v1/events", json={"events": [event]})
    assert [bad["field"] for bad in answer.json["rejected"]] == [field]
    assert answer.json["accepted"] == 0


def test_every_post_of_the_api_is_among_those_tried_above(world: World) -> None:
    posts = {
        route.rule
        for route in sweep.routes(world.app)
        if route.rule.startswith("/api/") and route.method != "GET"
    }
    assert posts == {
        "/api/v1/insights/<slug>",
        "/api/v1/events",
        "/api/v1/auth/refresh",
        "/api/v1/auth/token",
        "/api/v1/auth/logout",  # reads no body
        "/api/v1/customers/<anything:customer_id>",  # nor does it
    }


def test_no_header_or_address_chooses_the_tenant_or_the_user(world: World) -> None:
    world.platform.send(raw_event())
    client = world.caller("viewer")
    for name, value in (
        ("X-Tenant", THEIRS),
        ("X-Tenant-Id", THEIRS),
        ("X-Cip-Tenant", THEIRS),
        ("X-Role", "admin"),
        ("X-User", "ottokar"),
        ("X-Forwarded-User", "ottokar"),
        ("X-Remote-User", "ottokar"),
        ("Remote-User", "ottokar"),
        ("X-Forwarded-Host", f"{THEIRS}.example"),
        ("X-Original-URL", "/admin"),
        ("X-HTTP-Method-Override", "GET"),
    ):
        headers = {name: value}
        answer = client.post(
            f"/api/v1/insights/kpis?tenant={THEIRS}&role=admin", json=_LAST_DAY, headers=headers
        )
        assert answer.json["envelope"]["tenant"] == OURS, name
        refused = client.post("/api/v1/events", json={"events": []}, headers=headers)
        assert refused.status_code == 403, name
        assert world.stranger().get("/api/v1/insights", headers=headers).status_code == 401, name


def test_extra_keys_in_a_callbacks_body_are_refused_and_those_inside_change_nothing(
    world: World,
) -> None:
    world.platform.send(raw_event(), raw_event())
    client, version = world.caller("viewer"), world.version("vic")
    extra = {"tenant": THEIRS, "principal": "ottokar", "role": "admin", "user": "ottokar"}
    pulse = next(one for one in world.callbacks if one.name == "pulse.data")
    for one in [pulse, *world.callbacks]:
        body = one.body(pressed(version))
        refused = client.post(UPDATE, json=body | extra)
        assert refused.status_code in (400, 403), one.name
        for item in [*body["inputs"], *body["state"]]:
            if isinstance(item, dict):
                item |= extra
        answer = client.post(UPDATE, json=body)
        plain = world.caller("viewer").post(UPDATE, json=one.body(pressed(version)))
        assert answer.status_code == plain.status_code, one.name
        assert THEIRS not in answer.text, one.name
    told = json_of(world.post(client, pulse, nothing))["response"]["pulse"]["data"]
    assert (told["tenant"], told["who"], told["role"]) == ("Acme", "vic", "viewer")


def test_what_is_kept_is_kept_by_tenant(world: World) -> None:
    """Every entry of every cache of the process names the tenant or is one of no tenant."""
    world.platform.send(raw_event(), raw_event(kind="purchase.completed"))
    client, version = world.caller("admin"), world.version("adelheid")
    for one in world.callbacks:
        world.post(client, one, pressed(version))
    resources = world.platform.services.resources
    kept = [*resources.values._entries, *resources.tenant_values._entries]
    assert kept
    for key in kept:
        assert OURS in (key if isinstance(key, tuple) else (key,)), key


def test_a_super_admin_of_one_tenant_enters_another_on_record_only(world: World) -> None:
    """Moving is allowed to them, and written into both logs; to nobody else."""
    services = world.platform.services
    client = world.caller("super admin")
    enter = next(one for one in world.callbacks if one.name == "tenant-entered.data")
    assert world.post(client, enter, _to_theirs).status_code == 200
    for log in (None, tenant_id(THEIRS)):
        event = services.audit.page(log, limit=1)[0].event
        assert (event.subject, event.action, event.target) == ("sue", "tenant.entered", THEIRS)
    for who in ("admin", "analyst", "viewer"):
        world.platform.send(raw_event())
        client = world.caller(who)
        assert world.post(client, enter, _to_theirs).status_code == 403, who
        answer = client.post("/api/v1/insights/kpis", json=_LAST_DAY)
        assert answer.json["envelope"]["tenant"] == OURS, who


def _to_theirs(component: str, prop: str) -> Any:
    return {"tenant": THEIRS, "nonce": 1}


def _says_nothing_of_it(answer: Any, ids: Foreign, sent: Any) -> None:
    """The answer holds no id of theirs but what was sent, and none of their names."""
    text = answer.text
    for one in ids.all:
        assert one not in text or one in str(sent), (one, text[:300])
    assert "quokkakey" not in text


def _methods_with_ids(world: World) -> Iterator[tuple[str, Callable[..., Any], list[str]]]:
    services = world.platform.services
    for field in dataclasses.fields(services):
        service = getattr(services, field.name)
        for name, method in inspect.getmembers(service, inspect.ismethod):
            if name.startswith("_"):
                continue
            parameters = inspect.signature(method, eval_str=True).parameters
            if next((one.annotation for one in parameters.values()), None) is not Principal:
                continue
            texts = [
                one.name
                for one in list(parameters.values())[1:]
                if one.annotation in (str, tenant_id.__annotations__["return"])
                or getattr(one.annotation, "__supertype__", None) is str
            ]
            where = f"{type(service).__name__}.{name}"
            unknown = set(texts) - set(_ID_PARAMETERS) - _NO_ID
            assert not unknown, f"{where}: is {unknown} an id? Say so in this file."
            wanted = [text for text in texts if _ID_PARAMETERS.get(text)]
            if wanted:
                yield where, method, wanted


def _arguments(method: Callable[..., Any], wanted: list[str], ids: Foreign) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for one in list(inspect.signature(method).parameters.values())[1:]:
        if one.name in wanted:
            arguments[one.name] = getattr(ids, str(_ID_PARAMETERS[one.name]))
        elif one.default is inspect.Parameter.empty:
            filling = {"role": Role.ADMIN, "disabled": True, "scopes": PERMISSIONS[Role.VIEWER]}
            arguments[one.name] = filling.get(one.name, "Zed")
    return arguments


def test_the_platforms_keys_hold_nothing_of_a_tenants_data(world: World) -> None:
    """Keys without a tenant are the registers; whatever else there is carries its tenant."""
    world.platform.send(raw_event(customer="somebody"))
    client = world.platform.client
    for key in client.scan_iter(match="*", count=1_000):
        name = key.decode()
        of = [one for one in (OURS, THEIRS) if keys.is_of(key=name, tenant=tenant_id(one))]
        platform = name.startswith(("{platform}:", "platform:"))
        assert len(of) == 1 or platform, name
