"""One JSON line a request, written by gunicorn when the answer has gone out."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from gunicorn.glogging import Logger

from cip.web.requests import PRINCIPAL, REQUEST_ID

_STDOUT: Final = 1
# JSON allows these bare inside a string, though many a log reader ends a line there.
_LINE_ENDS: Final = (
    (b"\xc2\x85", b"\\u0085"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)
_LONGEST_PATH: Final = 300
# What comes behind these is a customer's id: a log outlives an erasure.
_BEFORE_CUSTOMERS: Final = ("/api/v1/customers/", "/customers/")


class AccessLogger(Logger):  # type: ignore[misc]
    """Past the `logging` module: its records, and the many fields that gunicorn gathers for them,
    cost a tenth of a tick. No query, body or header is written, for they may hold what is nobody's
    business."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        who = environ.get(PRINCIPAL)
        line = {
            "event": "request",
            "level": "info",
            "timestamp": datetime.now(UTC).isoformat(),
            "process": "web",
            "pid": os.getpid(),
            "method": req.method,
            "path": _told(environ.get("PATH_INFO", ""))[:_LONGEST_PATH],
            "status": resp.status_code,
            "milliseconds": round(request_time / timedelta(milliseconds=1), 1),
            "bytes": resp.sent,
            "address": environ.get("REMOTE_ADDR", ""),
            "request_id": environ.get(REQUEST_ID, ""),
            "subject": who.subject if who else None,
            "tenant": who.tenant if who else None,
        }
        text = orjson.dumps(line, default=repr) + b"\n"
        for character, escape in _LINE_ENDS:
            text = text.replace(character, escape)
        with suppress(OSError):  # a full disk or a closed pipe must not fail a request
            os.write(_STDOUT, text)


def _told(path: str) -> str:
    """The path, without whom it names."""
    for before in _BEFORE_CUSTOMERS:
        if path.startswith(before):
            return f"{before}…"
    return path
