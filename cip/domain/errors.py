"""The one exception tree. `cip.web.errors` is the one place that turns it into HTTP."""

from __future__ import annotations

from typing import ClassVar


class CipError(Exception):
    """Something the platform can explain to the person who asked.

    `code` is stable and for programs, `message` is for people, `field` names the part of the
    input at fault where there is one. `status` is the HTTP status that means the same.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field


class InvalidInputError(CipError):
    """A value was given that cannot be used."""

    status = 422
    default_code = "invalid"


class MalformedError(InvalidInputError):
    """What was sent has not even the form of what is expected: no page of ours made it."""

    status = 400
    default_code = "malformed"


class BodyTimeoutError(CipError):
    """What a request brings along did not come in time."""

    status = 408
    default_code = "body_timeout"


class TooLargeError(CipError):
    """More was sent than the stated limit allows."""

    status = 413
    default_code = "too_large"


class UnsupportedError(CipError):
    """What was sent is in a form that is not read here."""

    status = 415
    default_code = "unsupported"


class UnauthenticatedError(CipError):
    """Nobody is signed in, or the credential does not hold."""

    status = 401
    default_code = "unauthenticated"


class ForbiddenError(CipError):
    """The principal may not do this; `permission` where one is lacking."""

    status = 403
    default_code = "forbidden"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        permission: str = "",
    ) -> None:
        super().__init__(message, code=code, field=field)
        self.permission = permission


class NotFoundError(CipError):
    """There is no such thing for this principal (which includes another tenant's things)."""

    status = 404
    default_code = "not_found"


class ConflictError(CipError):
    """The thing exists already, or changed meanwhile."""

    status = 409
    default_code = "conflict"


class StillComputingError(ConflictError):
    """What was asked for is under way; the same question has an answer soon."""

    default_code = "still_computing"
    retry_after_seconds = 2


class ThrottledError(CipError):
    """Too many tries. `retry_after_seconds` says when the next one has a chance."""

    status = 429
    default_code = "throttled"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(CipError):
    """A part that is needed (Redis, a job worker) did not answer."""

    status = 503
    default_code = "unavailable"

    def __init__(self, message: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class CorruptValueError(CipError):
    """A stored value does not have the documented format. `field` is `key` or `key: field`."""

    status = 500
    default_code = "corrupt_value"


class SettingsError(CipError):
    """A setting is missing, malformed or too weak. `field` names it."""

    default_code = "settings"
