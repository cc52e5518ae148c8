"""How bodies are read and sent: JSON by a fast parser, the same answer compressed once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from http.client import OK
from threading import Lock
from typing import Any, Final

import flask
import orjson
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress

MIN_COMPRESSED_BYTES: Final = 2_048
MAX_KEPT_BYTES: Final = 16 * 1024 * 1024


class FastJson(DefaultJSONProvider):
    """Reads by orjson, which is strict (no NaN) and bounded in depth; writes as Flask does."""

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return orjson.loads(s)


class KeptCompressed:
    """What Flask-Compress made of a content, by the content's digest; bounded in bytes. Many
    viewers of one panel get the same bytes, and compressing costs more than making them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        return self._kept.get(key)

    def set(self, key: str, value: bytes) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = value
            self._bytes += len(value)
            while self._bytes > MAX_KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])


def install(server: flask.Flask) -> None:
    """Compression by Flask-Compress, which is not even asked about what is too short for it."""
    server.json = FastJson(server)
    server.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=4,
        COMPRESS_MIN_SIZE=MIN_COMPRESSED_BYTES,
        COMPRESS_CACHE_BACKEND=KeptCompressed,
        COMPRESS_CACHE_KEY=_content_digest,
    )
    compress = Compress(server)

    @server.after_request
    def pack(response: flask.Response) -> flask.Response:
        length = response.content_length
        if response.status_code != OK or (length is not None and length < MIN_COMPRESSED_BYTES):
            return response
        if response.direct_passthrough:
            _read_file(response)
        if not response.is_streamed:
            content = response.get_data()
            flask.g.content_digest = hashlib.blake2b(content, digest_size=32).hexdigest()
        packed: flask.Response = compress.after_request(response)
        return packed


def _read_file(response: flask.Response) -> None:
    """Flask-Compress would compress a file as a stream: anew each time, and leave it open."""
    response.direct_passthrough = False
    response.make_sequence()
    response.close()


def _content_digest(_request: flask.Request) -> str:
    return str(flask.g.content_digest)
