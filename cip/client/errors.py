"""Why sending ended early, what had been taken by then, and what is left to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .results import SendResult


class ClientError(Exception):
    """`sent` is what the platform answered for; `unsent` are the other events, with their ids, of
    which a batch may have been taken without an answer. They may all be sent again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.sent = SendResult()
        self.unsent: Sequence[Mapping[str, Any]] = ()


class RefusedError(ClientError):
    """The platform refused a request; it would refuse it again."""

    def __init__(
        self, status: int, code: str, message: str, field: str | None, request_id: str
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.request_id = request_id


class UnansweredError(ClientError):
    """No answer came, or none that says what became of the events, for as often as it was tried;
    or a gateway answered in the platform's place."""
