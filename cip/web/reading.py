"""Reading a request's body: whole or not at all, within a limit and a time."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final

from gunicorn.http.errors import ChunkMissingTerminator, NoMoreData, ParseException
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from cip.domain.errors import BodyTimeoutError, MalformedError, TooLargeError
from cip.domain.events import MAX_REQUEST_BYTES
from cip.web import cookies
from cip.web.timed_bodies import TimedBody

if TYPE_CHECKING:
    from collections.abc import Iterator

# 4 MB in this time is a slow mobile line; whoever sends slower holds a thread for no longer.
BODY_SECONDS: Final = 10.0
# A form has a few fields; it comes from whoever is not signed in yet.
MAX_FORM_BYTES: Final = 64 * 1024
TOO_LARGE: Final = f"At most {MAX_REQUEST_BYTES // 1024**2} MB a request, unpacked."


class Request(cookies.Request):
    """Reads its body by `_whole`, whoever asks for it: a route, the guard, Dash or a form."""

    def get_data(self, cache: bool = True, *args: Any, **options: Any) -> Any:
        self._keep(MAX_REQUEST_BYTES)
        return super().get_data(cache, *args, **options)

    def _get_stream_for_parsing(self) -> IO[bytes]:
        if self.mimetype not in ("application/x-www-form-urlencoded", "multipart/form-data"):
            return super()._get_stream_for_parsing()  # nothing parses it, nothing reads it
        return BytesIO(self._keep(MAX_FORM_BYTES))

    def _keep(self, limit: int) -> bytes:
        if getattr(self, "_cached_data", None) is None:
            self._cached_data = _whole(self, limit)
        return self._cached_data


def _whole(request: Request, limit: int) -> bytes:
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    # Without a length: one byte more than the limit says that it is broken.
    wanted = limit + 1 if length is None else length
    with _explained():
        body = _read(request.environ, wanted)
    if len(body) > limit:
        raise _too_large(limit)
    if length is not None and len(body) < length:
        raise _incomplete()
    return body


def _read(environ: dict[str, Any], size: int) -> bytes:
    """In one call, so that nothing is copied from piece to piece."""
    given = environ["wsgi.input"]
    if isinstance(given, TimedBody):
        given.allow(BODY_SECONDS)
        return given.read(size)
    return get_input_stream(environ).read(size)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise BodyTimeoutError("The body of the request did not come in time.") from error
    except ChunkMissingTerminator as error:
        raise _incomplete() if len(error.term) < len(b"\r\n") else _bad_chunks() from error
    except ParseException as error:
        raise _bad_chunks() from error
    except (NoMoreData, ConnectionError, ClientDisconnected) as error:
        raise _incomplete() from error


def _too_large(limit: int) -> TooLargeError:
    form = f"At most {limit // 1024} KB a form."
    return TooLargeError(TOO_LARGE if limit == MAX_REQUEST_BYTES else form)


def _incomplete() -> MalformedError:
    return MalformedError("The request ended before its body did.", code="incomplete_body")


def _bad_chunks() -> MalformedError:
    return MalformedError("The chunks of the body are none.", code="bad_chunks")
