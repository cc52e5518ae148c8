"""Headers of every answer: what the browser may load, keep and tell."""

from __future__ import annotations

from http.client import BAD_REQUEST
from typing import Final

import flask
from dash.fingerprint import check_fingerprint

from cip.web.requests import UPDATE, request_id

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASSET_PREFIXES: Final = ("/assets/", "/_dash-component-suites/", "/bootstrap/static/")


def policy(script_hashes: list[str]) -> str:
    """The content security policy under which Dash runs (its two inline scripts by hash)."""
    scripts = " ".join(["'self'", *script_hashes])
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
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


def install(server: flask.Flask, script_hashes: list[str], *, secure: bool) -> None:
    of_data = [("X-Content-Type-Options", "nosniff")]
    if secure:
        of_data.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
    of_documents = [
        *of_data,
        ("Content-Security-Policy", policy(script_hashes)),
        ("Referrer-Policy", "same-origin"),
    ]

    @server.after_request
    def add(response: flask.Response) -> flask.Response:
        headers = response.headers
        # A callback's answer is no document: nothing is ever loaded by it.
        fixed = of_data if flask.request.path == UPDATE else of_documents
        for name, value in fixed:
            headers.add(name, value)  # nothing else sets them: no search for what to replace
        headers.add("X-Request-ID", request_id())
        headers["Cache-Control"] = _keeping(response)
        return response


def _keeping(response: flask.Response) -> str:
    """How long a browser may keep it: for ever what has another address once it changes."""
    path = flask.request.path
    if not path.startswith(_ASSET_PREFIXES) or response.status_code >= BAD_REQUEST:
        return "no-store, private"
    _, fingerprinted = check_fingerprint(path)  # type: ignore[no-untyped-call]
    if fingerprinted or (path.startswith("/assets/") and "m" in flask.request.args):
        return _FOR_EVER
    return "no-cache"
