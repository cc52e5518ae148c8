"""Accepting an invitation: a public page that works without scripts."""

from __future__ import annotations

from typing import Final

import flask
from flask.typing import ResponseReturnValue

from cip.domain.errors import (
    CipError,
    InvalidInputError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.services import Services

_FIELDS: Final = frozenset({"code", "username", "password", "again", "csrf_token"})
_LONGEST_CODE: Final = 512
_LONGEST_PASSWORD: Final = 1_000
_BAD_CODE: Final = (
    "This invitation does not work any more: it was used, or its time is over. "
    "Your administrator can send you a new one."
)


def blueprint(services: Services) -> flask.Blueprint:
    views = flask.Blueprint("joining", __name__)

    @views.get("/join")
    def invited() -> ResponseReturnValue:
        # The code stands behind the `#` of the address, which never reaches a server.
        return flask.render_template("join.html", code="", error=None)

    @views.post("/join")
    def join() -> ResponseReturnValue:
        form = flask.request.form
        if unknown := sorted(form.keys() - _FIELDS):
            problem = InvalidInputError(f"The form has no field {unknown[0][:40]!r}.")
            return _refused(problem, "")
        code = form.get("code", "").strip()[:_LONGEST_CODE]
        try:
            _accept(services, code, form.get("password", ""), form.get("again", ""))
        except CipError as error:
            return _refused(error, code)
        return flask.redirect(flask.url_for("account.login", joined="1"), 303)

    return views


def _accept(services: Services, code: str, password: str, again: str) -> None:
    if not code:
        raise InvalidInputError("The code of your invitation is missing.", field="code")
    if len(password) > _LONGEST_PASSWORD:
        raise InvalidInputError("A password has 12 to 128 characters.", field="password")
    if password != again:
        raise InvalidInputError("The two passwords are not the same.", field="again")
    try:
        address = flask.request.remote_addr or ""
        services.own_account.accept_invitation(code, password, address=address)
    except UnauthenticatedError as error:
        # Used, over, never given: one answer. No 401, since signing in is not what is missing.
        raise InvalidInputError(_BAD_CODE, code="bad_invitation", field="code") from error


def _refused(error: CipError, code: str) -> flask.Response:
    """The form with what was wrong; the code stays in it."""
    wait = error.retry_after_seconds if isinstance(error, ThrottledError | UnavailableError) else 0
    field = {"new": "password"}.get(error.field or "", error.field)
    text = flask.render_template("join.html", code=code, error=error.message, field=field)
    answer = flask.make_response(text, error.status)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
