"""A sparkline as an SVG mask: only its shape, the stylesheet gives it the theme's colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

_WIDTH: Final = 88
_HEIGHT: Final = 32
_INSET: Final = 3


def sparkline(values: Sequence[float]) -> str | None:
    """A `data:` address of the shape; None when fewer than two values make no line."""
    if len(values) < 2:
        return None
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in _coordinates(values))
    # A mask's alpha is all that counts: the line is opaque, the area beneath it fades.
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'preserveAspectRatio="none"><defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1">'
        '<stop offset="0" stop-opacity=".16"/><stop offset="1" stop-opacity="0"/>'
        "</linearGradient></defs>"
        f'<polygon points="1,{_HEIGHT} {line} {_WIDTH - 1},{_HEIGHT}" fill="url(#g)"/>'
        f'<polyline points="{line}" fill="none" stroke="#000" stroke-width="1.5" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/></svg>'
    )
    return f"data:image/svg+xml,{quote(svg)}"


def _coordinates(values: Sequence[float]) -> list[tuple[float, float]]:
    low, high = min(values), max(values)
    reach = high - low
    step = (_WIDTH - 2) / (len(values) - 1)
    usable = _HEIGHT - 2 * _INSET
    return [
        (1 + at * step, _INSET + usable * ((high - value) / reach if reach else 0.5))
        for at, value in enumerate(values)
    ]
