"""HTML attributes whose names are no Python names (`data-…`, `aria-…`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def attrs(values: Mapping[str, str]) -> dict[str, Any]:
    """Typed loosely on purpose: Dash's components declare each keyword by itself."""
    return dict(values)
