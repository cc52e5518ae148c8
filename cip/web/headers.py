"""Headers of every answer: what the browser may load, keep and tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http.client import BAD_REQUEST
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from dash.fingerprint import check_fingerprint

from cip.web.requests import REQUEST_ID, UPDATE, chosen_request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CACHE_CONTROL: Final = "Cache-Control"
_NEVER: Final = "no-store, private"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASSET_PREFIXES: Final = (
    "/assets/",
    "/_dash-component-suites/",
    "/bootstrap/static/",
    "/api/docs/",
)


# Pages without Dash, whose styles stand in our own files alone.
_PLAIN_PAGES: Final = frozenset({"/login", "/join"})


def policy(script_hashes: list[str], *, inline_styles: bool) -> str:
    """The content security policy under which Dash runs (its two inline scripts by hash). Its
    components bring styles along as text: docs/adr/0015."""
    scripts = " ".join(["'self'", *script_hashes])
    styles = "'self' 'unsafe-inline'" if inline_styles else "'self'"
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {scripts}",
            f"style-src {styles}",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ]
    )


class Headers:
    """Around the whole application: no answer, not even that of a broken hook, goes without."""

    def __init__(self, app: WSGIApplication, script_hashes: list[str], *, secure: bool) -> None:
        self._app = app
        self._of_data = [("X-Content-Type-Options", "nosniff")]
        if secure:
            value = "max-age=31536000; includeSubDomains"
            self._of_data.append(("Strict-Transport-Security", value))
        self._of_documents = self._with_policy(policy(script_hashes, inline_styles=True))
        self._of_plain_pages = self._with_policy(policy([], inline_styles=False))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id = environ[REQUEST_ID] = chosen_request_id(environ.get("HTTP_X_REQUEST_ID", ""))

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            path = environ["PATH_INFO"]
            answer = [header for header in headers if header[0] != _CACHE_CONTROL]
            answer += self._for(path)
            answer.append(("X-Request-ID", request_id))
            failed = int(status[:3]) >= BAD_REQUEST
            kept = _NEVER if failed else _keeping(path, environ.get("QUERY_STRING", ""))
            answer.append((_CACHE_CONTROL, kept))
            return start_response(status, answer, exc_info)

        return self._app(environ, start)

    def _with_policy(self, policy: str) -> list[tuple[str, str]]:
        csp = ("Content-Security-Policy", policy)
        return [*self._of_data, csp, ("Referrer-Policy", "same-origin")]

    def _for(self, path: str) -> list[tuple[str, str]]:
        if path == UPDATE:  # a callback's answer is no document: nothing is ever loaded by it
            return self._of_data
        return self._of_plain_pages if path in _PLAIN_PAGES else self._of_documents


def _keeping(path: str, query: str) -> str:
    """How long a browser may keep it: for ever what has another address once it changes."""
    if not path.startswith(_ASSET_PREFIXES):
        return _NEVER
    _, fingerprinted = check_fingerprint(path)  # type: ignore[no-untyped-call]
    if fingerprinted or (path.startswith("/assets/") and "m" in parse_qs(query)):
        return _FOR_EVER
    return "no-cache"
