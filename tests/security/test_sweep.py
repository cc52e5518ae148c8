"""Every route, callback and page × everybody: in or refused exactly as the policy says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cip.domain.permissions import Permission
from cip.services import Services
from cip.web import guard
from layouts import PAGES
from tests.security import policy, sweep
from tests.security.bodies import UPDATE, Callback, nothing, pressed
from tests.security.worlds import World


def test_the_public_list_is_short_and_pinned() -> None:
    assert tuple(sorted(guard.PUBLIC_PATHS)) == policy.PUBLIC_PATHS
    assert guard.PUBLIC_PREFIXES == policy.PUBLIC_PREFIXES
    assert {"/_dash-layout", "/_dash-dependencies", "/logout"} == guard.SIGNED_IN_PATHS
    assert {"api.logout"} == guard.SIGNED_IN_ENDPOINTS


def test_the_policy_names_what_exists_and_nothing_else(world: World) -> None:
    found: dict[str, set[str]] = {}
    for rule in world.app.server.url_map.iter_rules():
        found.setdefault(rule.rule, set()).update(sweep.methods(rule))
    _same("route", policy.ROUTES, found)
    _same("callback", policy.CALLBACKS, {one.name for one in world.callbacks})
    _same("page", policy.PAGES, PAGES)
    for route, methods in found.items():
        assert methods == set(policy.ROUTES[route]), (route, sweep.ADD_IT)


def test_every_server_callback_declares_the_permission_of_the_policy(world: World) -> None:
    declared = world.app.server.extensions["cip_guard"]._callbacks
    assert {one.key for one in world.callbacks} == set(declared)
    for one in world.callbacks:
        assert declared[one.key] is sweep.callback_permission(one.name), one.name


def test_every_page_declares_the_permission_of_the_policy() -> None:
    for path, page in PAGES.items():
        assert page.permission is sweep.page_permission(path), path


@pytest.mark.parametrize("who", sweep.CALLERS)
def test_every_route_answers_as_the_policy_says(world: World, who: str) -> None:
    tried = 0
    for route in sweep.routes(world.app):
        if route.need == "callback":
            continue
        path = route.address()
        if route.need == "public" and path.endswith("/kpis"):
            continue  # a file that does not exist
        answer = world.caller(who).open(path, method=route.method)
        if own := policy.OWN_ANSWERS.get((route.method, path)):
            assert answer.status_code in own, (who, route, answer.text[:300])
        elif (who, path) == ("key", "/api/v1/auth/logout"):
            assert answer.status_code in (401, 403)  # there is nothing to sign out of
        else:
            wanted = sweep.expected(who, route.need, path)
            if wanted == "in" and route.rule in policy.BY_ID:
                wanted = "nothing here"
            assert sweep.meaning(answer) == wanted, (who, route, answer.status, answer.text[:300])
        tried += 1
    assert tried >= 15


@pytest.mark.parametrize("who", sweep.CALLERS)
def test_every_callback_answers_as_the_policy_says(world: World, who: str) -> None:
    client, version = world.caller(who), world.version("adelheid")
    for one in world.callbacks:
        need = sweep.callback_permission(one.name)
        answer = world.post(client, one, nothing)
        wanted = sweep.expected(who, need, UPDATE)
        assert sweep.meaning(answer) == wanted, (who, one.name, answer.status, answer.text[:300])
        if wanted != "in":
            answer = world.post(client, one, pressed(version))
            assert sweep.meaning(answer) == wanted, (who, one.name, answer.text[:300])


@pytest.mark.parametrize("who", [who for who in sweep.CALLERS if who in sweep.BROWSERS])
def test_whoever_may_press_is_not_refused(world: World, who: str) -> None:
    version = world.version("adelheid")
    for one in world.callbacks:
        if sweep.callback_permission(one.name) not in sweep.held(who):
            continue
        # Some of what is pressed ends the session or outdates its token: a client for each.
        answer = world.post(world.caller(who), one, pressed(version))
        assert sweep.meaning(answer) == "in", (who, one.name, answer.status, answer.text[:300])


@pytest.mark.parametrize("who", [who for who in sweep.CALLERS if who in sweep.BROWSERS])
def test_a_page_shows_itself_or_not_allowed_and_nothing_of_it(world: World, who: str) -> None:
    client = world.caller(who)
    (router,) = [one for one in world.callbacks if one.name == "page-content.children"]
    for path, page in PAGES.items():
        assert client.get(path).status_code == 200, path
        content = world.post(client, router, pressed("", path)).text
        if sweep.page_permission(path) in sweep.held(who):
            assert "Not allowed" not in content, (who, path)
            assert page.lead in _plain(content), (who, path)
        else:
            assert "Not allowed" in content, (who, path)
            for inner in _parts(page):
                assert inner not in content, (who, path, inner)


def test_a_second_lock_holds_where_the_guard_did_not_look(world: World) -> None:
    gate = world.app.server.extensions["cip_guard"]
    gate._callbacks = dict.fromkeys(gate._callbacks, Permission.ANALYTICS_VIEW)
    client, version = world.caller("viewer"), world.version("vic")
    locked = [
        one
        for one in world.callbacks
        if sweep.callback_permission(one.name) not in sweep.held("viewer")
    ]
    assert locked
    for one in locked:
        answer = world.post(client, one, pressed(version))
        assert answer.status_code == 403, (one.name, answer.text[:200])


def test_a_refusal_says_which_permission_and_is_put_on_record(world: World) -> None:
    client = world.caller("viewer")
    one = _lacking(world, "viewer")
    answer = world.post(client, one, nothing)
    need = sweep.callback_permission(one.name)
    assert answer.json["error"]["message"] == f"This needs the permission {need.value}."
    services: Services = world.platform.services
    event = services.audit.page(world.principal("vic").tenant, limit=1)[0].event
    assert (event.subject, event.action, event.target, event.outcome) == (
        "vic",
        "permission.refused",
        one.key,
        "refused",
    )


def test_what_changes_something_needs_proof_of_our_page(world: World) -> None:
    """Every route and callback that a cookie may drive, without the header, with another
    session's, and from another site."""
    token = world.caller("viewer").environ_base["HTTP_X_CSRF_TOKEN"]
    version = world.version("adelheid")
    for proof, origin in (
        (None, None),
        ("", None),
        (token, None),
        ("right", "https://evil.example"),
        ("right", "null"),
    ):
        client = world.caller("super admin")
        if proof != "right":
            client.environ_base.pop("HTTP_X_CSRF_TOKEN")
            if proof is not None:
                client.environ_base["HTTP_X_CSRF_TOKEN"] = proof
        headers = {"Origin": origin} if origin else {}
        for one in world.callbacks:
            answer = world.post(client, one, pressed(version), **headers)
            assert answer.status_code == 403, (one.name, proof, origin)
        for route in sweep.routes(world.app):
            if route.method != "GET" and route.need not in ("public", "callback"):
                answer = client.open(route.address(), method=route.method, headers=headers)
                assert answer.status_code == 403, (route, proof, origin)


def test_a_get_changes_nothing(world: World) -> None:
    client = world.caller("super admin")
    for route in sweep.routes(world.app):
        if "GET" in policy.ROUTES[route.rule]:
            continue
        for body in (None, *(one.body(nothing) for one in world.callbacks)):
            answer = client.get(route.address(), json=body)
            refused = answer.status_code in (404, 405, 422)
            # Dash's page for every address takes some of them: nothing runs, nothing is in it.
            page = answer.status_code == 200 and answer.mimetype == "text/html"
            lets_through = route.need in ("public", "callback", "browser")
            assert refused or (page and lets_through), (route, answer.status)
            if route.rule != UPDATE:
                break


def test_everything_behind_the_login_is_kept_nowhere(world: World) -> None:
    client = world.caller("admin")
    answers = [
        client.open(route.address(), method=route.method)
        for route in sweep.routes(world.app)
        if route.need not in ("public", "callback") and route.rule != "/logout"
    ]
    answers += [world.post(client, one, nothing) for one in world.callbacks]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store, private", answer.request.path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.request.path != UPDATE:
            rules = answer.headers["Content-Security-Policy"]
            for rule in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
                assert rule in rules
            assert "http:" not in rules
            assert "https:" not in rules
            assert answer.headers["Referrer-Policy"] == "same-origin"


def _same(what: str, known: Mapping[str, Any], found: Any) -> None:
    missing, gone = sorted(set(found) - set(known)), sorted(set(known) - set(found))
    assert not missing, f"{what} {missing}: {sweep.ADD_IT}"
    assert not gone, f"{what} {gone} does not exist: take it out of tests/security/policy.py"


def _lacking(world: World, who: str) -> Callback:
    return next(
        one for one in world.callbacks if sweep.callback_permission(one.name) not in sweep.held(who)
    )


def _plain(text: str) -> str:
    return text.encode().decode("unicode_escape") if "\\u" in text else text


def _parts(page: Any) -> list[str]:
    """What only the page itself holds: its lead and the ids of its components."""
    ids: list[str] = []
    for part in page.layout(None):
        ids += [str(one.id) for one in part._traverse() if getattr(one, "id", None)]
        ids += [str(part.id)] if getattr(part, "id", None) else []
    assert ids
    return [page.lead, *(f'"{one}"' for one in ids)]
