"""Reading a request's cookies once a worker, instead of on each of a page's requests."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import flask
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.http import parse_cookie
from werkzeug.utils import cached_property

MAX_KEPT: Final = 4_096
_LONGEST: Final = 4_096


class Request(flask.Request):
    """A browser sends the same header until a cookie changes. What is kept cannot be changed by a
    request."""

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        text = self.environ.get("HTTP_COOKIE", "")
        # A header of any size is nothing to keep.
        return _kept(text) if len(text) <= _LONGEST else _parsed(text)


def _parsed(text: str) -> ImmutableMultiDict[str, str]:
    return parse_cookie(text, cls=ImmutableMultiDict)  # type: ignore[return-value]


_kept = lru_cache(maxsize=MAX_KEPT)(_parsed)
