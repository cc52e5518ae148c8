"""Forwarding headers: a trusted proxy's word counts, anybody else's is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response

from cip.web.proxies import TrustedProxies

PROXY = "10.0.0.5"
NETWORKS = (PROXY, "10.1.0.0/16", "2001:db8:aa::/48")
CLIENT = "203.0.113.9"


def seen(
    headers: dict[str, str], *, peer: str = PROXY, networks: Sequence[str] = NETWORKS
) -> tuple[str | None, str, str]:
    """(address, scheme, host) as the application sees them; no forwarding header reaches it."""
    found: list[tuple[str | None, str, str]] = []

    @Request.application
    def app(request: Request) -> Response:
        found.append((request.remote_addr, request.scheme, request.host))
        left = [name for name in request.environ if "FORWARDED" in name or "REAL_IP" in name]
        assert left == []
        assert request.access_route == [request.remote_addr]
        return Response("ok")

    builder = EnvironBuilder(headers=list(headers.items()), base_url="http://cip.local/")
    environ: dict[str, Any] = builder.get_environ() | {"REMOTE_ADDR": peer}
    run_wsgi_app(TrustedProxies(app, networks), environ)
    return found[0]


FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-IP": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;proto=https;host=evil.example",
}


@pytest.mark.parametrize("peer", [CLIENT, "10.0.0.6", "2001:db8:ab::1", "", "not an address"])
def test_a_forged_header_of_an_untrusted_peer_is_dropped(peer: str) -> None:
    assert seen(FORGED, peer=peer) == (peer, "http", "cip.local")


def test_nobody_is_trusted_where_no_proxy_is_configured() -> None:
    assert seen(FORGED, networks=()) == (PROXY, "http", "cip.local")


def test_a_trusted_proxy_says_who_how_and_where() -> None:
    headers = {
        "X-Forwarded-For": CLIENT,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "cip.example:8443",
    }
    assert seen(headers) == (CLIENT, "https", "cip.example:8443")
    assert seen(headers, peer=f"::ffff:{PROXY}") == (CLIENT, "https", "cip.example:8443")
    assert seen({}) == (PROXY, "http", "cip.local")


def test_what_the_client_itself_put_into_the_chain_is_not_believed() -> None:
    assert seen({"X-Forwarded-For": f"127.0.0.1, 10.1.2.3, {CLIENT}"})[0] == CLIENT
    assert seen({"X-Forwarded-For": f"127.0.0.1, {CLIENT}, 10.1.2.3"})[0] == CLIENT
    headers = {
        "X-Forwarded-For": CLIENT,
        "X-Forwarded-Proto": "http, https",
        "X-Forwarded-Host": "evil.example, cip.example",
    }
    assert seen(headers) == (CLIENT, "https", "cip.example")


@pytest.mark.parametrize(
    ("scheme", "host"),
    [
        ("https, http", "cip.example, inner.local"),  # each proxy adds its word
        ("https", "cip.example"),  # the inner one passes on what the outer one said
        ("http, https, http", "evil.example, cip.example, inner.local"),  # the client lied first
    ],
)
def test_a_chain_of_two_proxies_tells_what_the_outer_one_saw(scheme: str, host: str) -> None:
    headers = {
        "X-Forwarded-For": f"{CLIENT}, 10.1.2.3",
        "X-Forwarded-Proto": scheme,
        "X-Forwarded-Host": host,
    }
    assert seen(headers) == (CLIENT, "https", "cip.example")


def test_a_client_inside_a_trusted_network_is_itself_the_client() -> None:
    assert seen({"X-Forwarded-For": "10.1.9.9, 10.1.2.3"})[0] == "10.1.9.9"


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("2001:db8:1::7", "2001:db8:1::7"),
        ("[2001:db8:1::7]:4711", "2001:db8:1::7"),
        ("2001:db8:1::7, 2001:db8:aa::1", "2001:db8:1::7"),
        ("::ffff:203.0.113.9", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
    ],
)
def test_addresses_come_in_several_forms(chain: str, address: str) -> None:
    assert seen({"X-Forwarded-For": chain}, peer="2001:db8:aa::5")[0] == address


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Forwarded-For": "unknown"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-For": f"{CLIENT}, _hidden"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-For": f"{CLIENT}, _hidden, 10.1.2.3"}, ("10.1.2.3", "http", "cip.local")),
        ({"X-Forwarded-For": "10.0.0.300"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-For": f"{CLIENT},"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-For": "[]:1"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-For": ""}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-Proto": "javascript"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-Host": "evil.example/path"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-Host": "a b"}, (PROXY, "http", "cip.local")),
        ({"X-Forwarded-Host": "user@evil.example"}, (PROXY, "http", "cip.local")),
    ],
)
def test_malformed_values_are_ignored(
    headers: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert seen(headers) == expected
