"""What a refused request still sends is read and dropped: its sender sees the answer, and the
connection stays usable.

Most clients send everything before they look for an answer. The web server itself reads no more
than 64 KB of it, slowly, and then closes the connection under them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import flask
from gunicorn.http.errors import ParseException

from cip.web.timed_bodies import TimedBody

# As much as the web server reads ahead: it copies what is left of that for each smaller piece.
PIECE_BYTES: Final = 1024 * 1024
# Of what nobody wants. Whoever sends more finds the connection closed.
MAX_DROPPED_BYTES: Final = 16 * 1024 * 1024
# For all of it.
DROP_SECONDS: Final = 2.0


def install(server: flask.Flask) -> None:
    """After every answer that is an error; what has been read already costs nothing more."""

    @server.after_request
    def drop(response: flask.Response) -> flask.Response:
        request = flask.request
        body = request.environ["wsgi.input"]
        sends = request.content_length or "HTTP_TRANSFER_ENCODING" in request.environ
        if response.status_code >= 400 and sends and isinstance(body, TimedBody):
            _drop_rest(body, request.content_length or 0)
        return response


def _drop_rest(body: TimedBody, length: int) -> None:
    if not body.failed and length <= MAX_DROPPED_BYTES:
        body.allow(DROP_SECONDS)
        with suppress(OSError, ParseException):
            for _ in range(MAX_DROPPED_BYTES // PIECE_BYTES + 1):
                if not body.read(PIECE_BYTES):
                    return
    body.close_after()
