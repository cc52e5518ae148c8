"""A sparkline as heights: the browser draws the line, the stylesheet gives it its colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SCALE: Final = 100


def sparkline(values: Sequence[float]) -> list[int]:
    """Heights from 0 (the lowest value) to 100 (the highest), a flat line in the middle; empty
    when fewer than two values make no line."""
    if len(values) < 2:
        return []
    low, reach = min(values), max(values) - min(values)
    return [round(SCALE * ((value - low) / reach if reach else 0.5)) for value in values]
