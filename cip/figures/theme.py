"""The Plotly template and the colour tokens: figures name a token, the theme gives it a value.

A figure holds `var(--cat-1)` where Plotly wants a colour. The browser resolves it with the
stylesheet of the current theme just before drawing, so a theme switch needs no server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

Figure = dict[str, Any]

CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "modeBarButtons": [["zoom2d", "resetScale2d", "toImage"]],
    # Plotly 7 can upload a chart to a foreign host: that button must not exist.
    "modeBarButtonsToRemove": ["sendChartToCloud", "sendDataToCloud"],
    "responsive": True,
    "toImageButtonOptions": {"format": "png", "scale": 2},
}

_BLOCK: Final = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_DECLARATION: Final = re.compile(r"(--[\w-]+)\s*:\s*([^;]+);")
_VAR: Final = re.compile(r"var\((--[\w-]+)\)")
_MIX: Final = re.compile(r"color-mix\(in srgb, (#[0-9A-Fa-f]{6}) (\d+)%, transparent\)")


def token(name: str, opacity: float | None = None) -> str:
    """A reference to a colour token, as valid CSS; `opacity` from 0 to 1."""
    reference = f"var(--{name})"
    if opacity is None:
        return reference
    return f"color-mix(in srgb, {reference} {round(opacity * 100)}%, transparent)"


def template() -> Figure:
    """Layout defaults that every figure shares, in token references."""
    return {
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "var(--font)", "size": 12, "color": token("text-3")},
            "colorway": [token(f"cat-{n}") for n in range(1, 9)],
            "margin": {"l": 36, "r": 0, "t": 24, "b": 28, "pad": 0},
            "xaxis": {
                "showgrid": False,
                "zeroline": False,
                "linecolor": token("axis"),
                "showline": True,
                "ticks": "",
                "nticks": 6,
                "tickfont": {"color": token("text-3")},
            },
            "yaxis": {
                "gridcolor": token("grid"),
                "zerolinecolor": token("axis"),
                "ticks": "",
                "nticks": 6,
                "rangemode": "tozero",
                "ticklabelstandoff": 6,
                "tickfont": {"color": token("text-3")},
            },
            "hovermode": "x unified",
            "hoverlabel": {
                "bgcolor": token("surface"),
                "bordercolor": token("border"),
                "font": {"color": token("text"), "size": 12},
            },
            "bargap": 0.28,
            "showlegend": False,
            "dragmode": "zoom",
            "separators": ".,",
            "colorscale": {
                "sequential": [[n / 6, token(f"seq-{n + 1}")] for n in range(7)],
            },
        }
    }


def axis_title(text: str) -> Figure:
    """The y axis's title as an annotation above it, never rotated."""
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "xshift": -36,
        "yshift": 6,
        "showarrow": False,
        "font": {"color": token("text-3"), "size": 12},
    }


def watermark(text: str) -> Figure:
    """Marks synthetic data in the drawing itself, behind the data's labels."""
    return {
        "text": f"<b>{text}</b>",
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.6,
        "showarrow": False,
        "font": {"color": token("watermark"), "size": 20},
    }


def figure(traces: list[Figure], layout: Figure) -> Figure:
    return {"data": traces, "layout": {"template": template(), **layout}}


def parse_tokens(stylesheet: str, theme: str) -> dict[str, str]:
    """The token values that hold in `theme` (`light` or `dark`), references followed."""
    values: dict[str, str] = {}
    for selectors, body in _BLOCK.findall(_COMMENT.sub("", stylesheet)):
        if _applies(selectors, theme):
            values.update((name, value.strip()) for name, value in _DECLARATION.findall(body))
    return {name: _follow(value, values) for name, value in values.items()}


def resolve(value: Any, tokens: Mapping[str, str]) -> Any:
    """The figure with every token reference replaced: what the browser does before drawing."""
    if isinstance(value, dict):
        return {key: resolve(item, tokens) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(item, tokens) for item in value]
    if isinstance(value, str) and "var(" in value:
        return _MIX.sub(_rgba, _follow(value, tokens))
    return value


def _applies(selectors: str, theme: str) -> bool:
    parts = {part.strip() for part in selectors.split(",")}
    return bool(parts & {":root", "[data-bs-theme]", f'[data-bs-theme="{theme}"]'})


def _follow(value: str, tokens: Mapping[str, str]) -> str:
    for _ in range(4):
        if "var(" not in value:
            break
        value = _VAR.sub(lambda match: tokens[match[1]], value)
    return value


def _rgba(match: re.Match[str]) -> str:
    red, green, blue = (int(match[1][at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{int(match[2]) / 100:g})"
