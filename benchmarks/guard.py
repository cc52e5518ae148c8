"""What the guard costs: an idle tick of 500 sessions, against the same application without it; and
how soon a session that was ended is refused by every worker."""

from __future__ import annotations

import http.client
import time
from dataclasses import replace

from _common import (
    KEYS,
    TENANT,
    USER,
    Platform,
    Target,
    alternate,
    cookie_headers,
    load,
    platform,
    post,
    tell_ratio,
    tell_rounds,
)
from ticks import tick_target

from cip.auth import opaque
from cip.domain.permissions import Role
from layouts import ids

SESSIONS = 500
ROUNDS = 20
SECONDS = 0.6
WARM_UP_SECONDS = 1.5
GOAL = 0.85
PROBES = 16
GOAL_SECONDS = 1.0


def main() -> None:
    with platform() as running:
        print(f"guard: {SESSIONS} sessions of {SESSIONS} users; 2 workers of 4 threads")
        cookies = tuple(_signed_in(running, number) for number in range(SESSIONS))
        open_port, port = running.serve("_unguarded:server", "/healthz"), running.start_web()
        guarded = replace(tick_target(port, cookies[0]), panel=None, cookies=cookies)
        unguarded = replace(guarded, port=open_port)
        for target in (guarded, unguarded):
            load(target, WARM_UP_SECONDS)
        pairs = []
        for _ in range(ROUNDS // 2):
            # The minute belongs to the version, so it is taken anew for every pair.
            _, answer = post(port, guarded.body.replace("@VERSION@", ""), cookies[0])
            version = answer["response"][ids.PULSE]["data"]["version"]
            with_it, without = (replace(each, version=version) for each in (guarded, unguarded))
            pairs += alternate(with_it, without, rounds=2, seconds=SECONDS)
        ratio = tell_rounds("idle tick, without the guard beside it", pairs)
        tell_ratio("guard", ratio, GOAL)
        _revoked(running, guarded, cookies[-1])


def _signed_in(running: Platform, number: int) -> str:
    """A session as signing in makes it, without the time that a password takes."""
    name = f"{USER}-{number}"
    accounts = running.services.accounts
    user = accounts.users.find(USER)
    if user is None:
        raise SystemExit("the benchmark's user is missing")
    accounts.users.add(
        user.model_copy(update={"username": name, "memberships": {TENANT: Role.ADMIN}})
    )
    own = accounts.users.find(name) or user
    secret, opened = running.services.sessions.open(
        own, remember=False, address="127.0.0.1", agent="benchmark"
    )
    proof = opaque.csrf_token(opened.session.id, KEYS.signing("csrf")[1])
    return f"cip_session={secret}; cip_access={opened.token}; cip_csrf={proof}"


def _revoked(running: Platform, target: Target, cookie: str) -> None:
    """Kept-alive connections, enough for both workers, ask until each has been refused."""
    connections = [http.client.HTTPConnection("127.0.0.1", target.port) for _ in range(PROBES)]
    body = target.body.replace("@VERSION@", "")
    head = {"Content-Type": "application/json"} | cookie_headers(cookie)

    def statuses() -> list[int]:
        found = []
        for connection in connections:
            connection.request("POST", "/_dash-update-component", body, head)
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        return found

    if set(statuses()) != {200}:
        raise SystemExit("the session should be good before it ends")
    secret = cookie.split(";")[0].partition("=")[2]
    session = opaque.digest(secret)
    running.services.sessions.end(f"{USER}-{SESSIONS - 1}", session)
    ended = time.monotonic()
    while set(found := statuses()) != {401}:
        if time.monotonic() - ended > 10 * GOAL_SECONDS:
            raise SystemExit(f"still not refused: {found}")
    took = time.monotonic() - ended
    for connection in connections:
        connection.close()
    print(f"seconds until_refused = {took:.2f} on all {PROBES} connections (goal < {GOAL_SECONDS})")


if __name__ == "__main__":
    main()
