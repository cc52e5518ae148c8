"""Signing in and out, as plain pages that work without scripts."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import flask
from flask.typing import ResponseReturnValue

from cip.domain.errors import CipError, ThrottledError, UnauthenticatedError, UnavailableError
from cip.web.identity import Identity

_FIELDS: Final = frozenset({"username", "password", "next", "remember", "csrf_token"})


def blueprint(identity: Identity, *, demo_logins: list[tuple[str, str, str]]) -> flask.Blueprint:
    """`demo_logins`: (user, password, what it may do), shown on the page in demo mode alone."""
    views = flask.Blueprint("account", __name__)

    def page(status: int, error: str | None = None, username: str = "") -> ResponseReturnValue:
        text = flask.render_template(
            "login.html",
            error=error,
            username=username,
            next_path=_safe_next(flask.request.values.get("next")),
            demo_logins=demo_logins,
        )
        return text, status

    @views.get("/login")
    def login() -> ResponseReturnValue:
        if identity.browser() is not None:
            return flask.redirect(_safe_next(flask.request.args.get("next")))
        return page(200)

    @views.post("/login")
    def sign_in() -> ResponseReturnValue:
        form = flask.request.form
        if unknown := sorted(form.keys() - _FIELDS):
            return page(422, f"The form has no field {unknown[0][:40]!r}.")
        username = form.get("username", "").strip().lower()
        try:
            identity.sign_in(username, form.get("password", ""), remember="remember" in form)
        except UnauthenticatedError as error:
            return page(401, error.message, username)
        except (ThrottledError, UnavailableError) as error:
            answer = flask.make_response(page(error.status, error.message, username))
            answer.headers["Retry-After"] = str(error.retry_after_seconds)
            return answer
        except CipError as error:
            return page(error.status, error.message, username)
        return flask.redirect(_safe_next(flask.request.form.get("next")), 303)

    @views.post("/logout")
    def logout() -> ResponseReturnValue:
        identity.sign_out()
        return flask.redirect(flask.url_for("account.login"), 303)

    return views


def _safe_next(wanted: str | None) -> str:
    """A path of ours, or home: never another site's address."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(wanted)
    return "/" if parts.scheme or parts.netloc or "\\" in wanted else wanted
