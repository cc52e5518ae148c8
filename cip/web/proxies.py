"""Whose word is taken for a request's address, scheme and host: a trusted proxy's alone."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address: TypeAlias = IPv4Address | IPv6Address

_FORWARDED: Final = ("HTTP_X_FORWARDED_", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP")
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


class TrustedProxies:
    """The outermost layer: what follows sees no forwarding header, only what came of a good one.

    `X-Forwarded-For`, `-Proto` and `-Host` count where a trusted network sent the request.
    Werkzeug's `ProxyFix` counts hops instead, and believes whoever sends.
    """

    def __init__(self, app: WSGIApplication, networks: Sequence[str]) -> None:
        self._app = app
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        names = [name for name in environ if name.startswith(_FORWARDED)]
        sent = {name: str(environ.pop(name)) for name in names}
        peer = _address(environ.get("REMOTE_ADDR", "")) if sent else None
        if peer is not None and self._trusts(peer):
            self._apply(environ, sent, peer)
        return self._app(environ, start_response)

    def _apply(self, environ: WSGIEnvironment, sent: dict[str, str], peer: Address) -> None:
        client, hops = self._client(_values(sent, "HTTP_X_FORWARDED_FOR"), peer)
        environ["REMOTE_ADDR"] = str(client)
        scheme = _said(_values(sent, "HTTP_X_FORWARDED_PROTO"), hops).lower()
        if scheme in {"http", "https"}:
            environ["wsgi.url_scheme"] = scheme
        host = _said(_values(sent, "HTTP_X_FORWARDED_HOST"), hops)
        if _HOST.fullmatch(host):
            environ["HTTP_HOST"] = host

    def _client(self, chain: list[str], peer: Address) -> tuple[Address, int]:
        """The address next to our own proxies, and how many of those the request passed."""
        client, hops = peer, 1
        for text in reversed(chain):
            before = _address(text)
            # Nobody vouches for what stands left of a word that is no address.
            if before is None:
                break
            client = before
            if not self._trusts(before):
                break
            hops += 1
        return client, hops

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _values(sent: dict[str, str], name: str) -> list[str]:
    text = sent.get(name, "")
    return [value.strip() for value in text.split(",")] if text else []


def _said(values: list[str], hops: int) -> str:
    """What the outermost of our proxies said, whether each added its word or passed it on."""
    return values[-min(hops, len(values))] if values else ""


def _address(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((match[1] or match[2] or "") if match else text)
    except ValueError:
        return None
    # As a socket that listens on IPv6 names a peer on IPv4.
    return getattr(address, "ipv4_mapped", None) or address
