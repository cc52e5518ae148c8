"""A client of the event API for other people's programs. Standard library only, and nothing of the
platform: this folder may be copied out as it is."""

from __future__ import annotations

from .client import Client
from .errors import ClientError, RefusedError, UnansweredError
from .results import Rejection, SendResult

__all__ = ["Client", "ClientError", "RefusedError", "Rejection", "SendResult", "UnansweredError"]
