"""What a computation is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection
from pydantic import BaseModel

from cip.domain.results import Window
from cip.domain.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Context:
    """`newest` is the newest event of the history, None for an empty one."""

    tenant: Tenant
    connection: DuckDBPyConnection
    now: datetime
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Computed:
    """The figures and what the envelope says of them."""

    data: BaseModel
    events_read: int
    period: Window | None = None
    compared_with: Window | None = None
