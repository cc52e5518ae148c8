"""Sending events: in batches, packed, and again until the platform has answered."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from .batches import MAX_EVENTS, batches, with_ids
from .errors import ClientError, RefusedError, UnansweredError
from .results import SendResult, result_of

# What says that it may be otherwise in a moment, or leaves open what became of the events.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 60.0


class Client:
    """Of one tenant, by its API key. One thread at a time; use it in a `with`, or close it.

    `tries` is how often a request is sent at most, `timeout_seconds` how long an answer may take.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_seconds: float = 30.0,
        tries: int = 8,
        batch_events: int = MAX_EVENTS,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not the address of a platform: {base_url!r}")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_seconds)
        self._path = parts.path.rstrip("/") + "/api/v1/events"
        self._headers = {
            "X-API-Key": api_key,
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }
        self._tries = tries
        self._batch_events = batch_events
        self._sleep = sleep
        self._draw = draw

    def send(self, events: Iterable[Mapping[str, Any]]) -> SendResult:
        """Sends all, giving ids to those that have none; raises `ClientError`, which tells what
        was taken and what is left."""
        given = with_ids(events)
        result, place = SendResult(), 0
        try:
            for place, body in list(batches(given, max_events=self._batch_events)):
                result += self._post(gzip.compress(body, 6, mtime=0), place)
        except ClientError as error:
            error.sent, error.unsent = result, given[place:]
            raise
        return result

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _post(self, body: bytes, first: int) -> SendResult:
        why, wanted = "no answer", 0.0
        for attempt in range(self._tries):
            if attempt:
                self._sleep(self._wait(attempt, wanted))
            try:
                status, headers, text = self._exchange(body)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                why, wanted = f"no answer ({type(error).__name__})", 0.0
                continue
            if status not in _PASSING:
                return _read(status, text, first)
            why, wanted = f"answered {status}", _seconds(headers.get("Retry-After"))
        raise UnansweredError(f"{why}, {self._tries} times")

    def _exchange(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        self._connection.request("POST", self._path, body, self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def _wait(self, attempt: int, wanted: float) -> float:
        """Longer each time, and drawn, so that many clients do not come back at once; never
        sooner than the platform wants."""
        most: float = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        return wanted + most * self._draw()


def _seconds(text: str | None) -> float:
    # The other form, a date, is for caches; the platform sends none.
    return float(text) if text and text.isascii() and text.isdigit() else 0.0


def _read(status: int, text: bytes, first: int) -> SendResult:
    """The result of a batch whose first event has the place `first`."""
    try:
        answer = json.loads(text)
        if status == http.client.ACCEPTED:
            return result_of(answer, first)
        told = answer["error"]
        raise RefusedError(
            status,
            str(told["code"]),
            str(told["message"]),
            told.get("field"),
            str(told.get("request_id", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not the platform's: of a proxy, or of another server.
        said = text[:200].decode("utf-8", "replace")
    if status == http.client.ACCEPTED:
        raise UnansweredError(f"answered 202 without a result: {said}")
    raise RefusedError(status, "unknown", said, None, "")
