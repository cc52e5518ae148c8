"""What a refused request still sends is read and dropped, so that its connection stays usable.

The web server itself reads no more than 64 KB of it, slowly, and then closes the connection under
the client, which may never see the answer.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import flask

from cip.domain.events import MAX_REQUEST_BYTES

PIECE_BYTES: Final = 65_536
# Of a client that stalls: the server closes its connection then.
STALL_SECONDS: Final = 2.0


def install(server: flask.Flask) -> None:
    """After every answer that is an error; what has been read already costs nothing more."""

    @server.after_request
    def drop(response: flask.Response) -> flask.Response:
        length = flask.request.content_length
        if response.status_code >= 400 and length and length <= MAX_REQUEST_BYTES:
            with suppress(OSError):
                _drop_rest(flask.request.environ)
        return response


def _drop_rest(environ: dict[str, Any]) -> None:
    sock = environ.get("gunicorn.socket")
    if sock is None:
        return  # another server's input may not know where the body ends
    before = sock.gettimeout()
    try:
        sock.settimeout(STALL_SECONDS)
        while environ["wsgi.input"].read(PIECE_BYTES):
            pass
    finally:
        sock.settimeout(before)
