"""The one place that turns an exception into an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import structlog
from dash.exceptions import DashException, DependencyException, InvalidResourceError
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from cip.domain.errors import (
    CipError,
    ForbiddenError,
    NotFoundError,
    StillComputingError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from cip.web.requests import request_id

log = structlog.get_logger(__name__)
_INTERNAL = "Something went wrong on our side. The request id helps us to find it."


def install(server: flask.Flask, refused: Callable[[ForbiddenError], None]) -> None:
    """`refused` puts a refusal on record before it is answered."""

    def forbidden(error: ForbiddenError) -> ResponseReturnValue:
        try:
            refused(error)
        except UnavailableError as away:
            return _known(away)
        return _known(error)

    server.register_error_handler(ForbiddenError, forbidden)
    server.register_error_handler(CipError, _known)
    server.register_error_handler(HTTPException, _http)
    server.register_error_handler(RedisError, _redis)
    for missing in (DependencyException, InvalidResourceError):
        server.register_error_handler(missing, _no_such_file)
    server.register_error_handler(Exception, _unknown)


def _known(error: CipError) -> ResponseReturnValue:
    if isinstance(error, UnauthenticatedError) and _wants_page():
        return flask.redirect(flask.url_for("account.login"))
    if error.status >= 500:
        log.warning("request failed", code=error.code, error=error.message)
    # A stored value that cannot be read is our trouble; its key is for the log.
    response = _answer(error.status, error.code, error.message, error.field)
    if isinstance(error, (StillComputingError, ThrottledError, UnavailableError)):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    code = error.name.lower().replace(" ", "_")
    return _answer(status, code, error.description or error.name, None)


def _redis(error: RedisError) -> ResponseReturnValue:
    log.warning("redis failed", kind=type(error).__name__, error=str(error))
    return _known(UnavailableError("The data store does not answer. Try again shortly."))


def _no_such_file(_error: DashException) -> ResponseReturnValue:
    """Dash was asked for a file of a component library that it does not have."""
    return _known(NotFoundError("There is no such file."))


def _unknown(error: Exception) -> ResponseReturnValue:
    log.error("request broke", kind=type(error).__name__, exc_info=error)
    return _answer(500, "internal", _INTERNAL, None)


def _answer(status: int, code: str, message: str, field: str | None) -> flask.Response:
    if _wants_page():
        text = flask.render_template(
            "error.html", status=status, message=message, request_id=request_id()
        )
        return flask.make_response(text, status)
    body: dict[str, Any] = {"code": code, "message": message, "request_id": request_id()}
    if field is not None:
        body["field"] = field
    return flask.make_response(flask.jsonify({"error": body}), status)


def _wants_page() -> bool:
    path = flask.request.path
    if path.startswith(("/api/", "/_dash", "/healthz", "/readyz", "/metrics")):
        return False
    return bool(flask.request.accept_mimetypes.accept_html)
