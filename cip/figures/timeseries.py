"""A metric over time: stacked by key, or bars of one metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cip.domain.results import Envelope, Timeseries
from cip.figures import format as fmt
from cip.figures.buckets import Grid, Slot, grid, rate
from cip.figures.palette import OTHER, event_type_colors
from cip.figures.theme import Figure, axis_title, figure, token

ALL: Final = "All types"
FOLDED: Final = "other"  # what an insight calls the keys it folded
_TOP: Final = 5
_PLOT_HEIGHT: Final = 280
_LABEL_GAP: Final = 16
_LABEL_CHARACTERS: Final = 18
_EDGE_MARGIN: Final = 132
_HEADROOM: Final = 1.06
_MOST_PARTED: Final = 100
_BAR_HOVER: Final = "<b>%{customdata[0]}</b><br>%{customdata[1]}%{customdata[2]}<extra></extra>"
_A_DAY: Final = timedelta(hours=23)
_TWO_DAYS: Final = timedelta(hours=49)


@dataclass(frozen=True, slots=True)
class Layer:
    """One key of a stack, largest first (which is the lowest in the drawing)."""

    name: str
    color: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """What the stacked figure draws, its table shows and its legend names."""

    slots: tuple[Slot, ...]
    layers: tuple[Layer, ...]
    unit: str
    zone: ZoneInfo
    is_rate: bool = False


def stack(series: Timeseries, envelope: Envelope, *, split: bool = True) -> Stack:
    """The top types and the rest, or all of them as one layer."""
    columns = grid(series)
    values = _top(columns) if split else {ALL: columns.sum(list(columns.values))}
    colors = event_type_colors(values) if split else {ALL: token("cat-1")}
    per, divisor = rate(series.bucket)
    layers = tuple(
        Layer(name, colors[name], tuple(value / divisor for value in row))
        for name, row in values.items()
    )
    return Stack(
        columns.slots, layers, f"events per {per}", ZoneInfo(envelope.timezone), per == "minute"
    )


def stacked_figure(drawn: Stack, *, zoom_key: str, as_bars: bool = False) -> Figure:
    """Areas (or bars for whole days and longer), named at the right edge.

    `zoom_key` says what the axes show: the browser keeps a zoom as long as it is the same.
    """
    heights = [sum(column) for column in _columns(drawn.layers)]
    top = max(heights, default=0) * _HEADROOM or 1
    traces = _bar_layers(drawn) if as_bars else _area_layers(drawn)
    return figure(
        traces,
        {
            "barmode": "stack",
            "margin": {"l": 36, "r": _EDGE_MARGIN, "t": 24, "b": 28},
            "xaxis": {"type": "date", **_tick_format(drawn.slots)},
            "yaxis": {"range": [0, top]},
            "annotations": [axis_title(drawn.unit), *_edge_labels(drawn, top)],
            "meta": {"zoom_key": zoom_key, "narrow": {"margin": {"r": 4}, "drop": "edge"}},
        },
    )


def bars_figure(series: Timeseries, envelope: Envelope, *, zoom_key: str) -> Figure:
    """One metric in bars from zero; a bucket that is not whole is hatched."""
    columns = grid(series)
    zone = ZoneInfo(envelope.timezone)
    values = columns.sum(list(columns.values))
    is_money = series.unit == "minor"
    divisor, word = _scale(values, envelope.currency) if is_money else (1.0, series.metric)
    texts = [fmt.money_exact(v, envelope.currency) if is_money else fmt.exact(v) for v in values]
    trace = {
        "type": "bar",
        "name": word,
        "x": [_middle(slot, zone) for slot in columns.slots],
        "y": [value / divisor for value in values],
        "customdata": [
            [slot_words(slot, zone), text, "" if slot.whole else "<br>not a whole bucket"]
            for slot, text in zip(columns.slots, texts, strict=True)
        ],
        "hovertemplate": _BAR_HOVER,
        "marker": _hatched([slot.whole for slot in columns.slots], token("cat-1")),
    }
    return figure(
        [trace],
        {
            "hovermode": "closest",
            "xaxis": {"type": "date", **_tick_format(columns.slots)},
            "annotations": [axis_title(word)],
            "meta": {"zoom_key": zoom_key},
        },
    )


def local_text(instant: datetime, zone: ZoneInfo) -> str:
    """Plotly draws a date as it is written: so it is written in the tenant's time."""
    return instant.astimezone(zone).replace(tzinfo=None).isoformat(timespec="seconds")


def _top(columns: Grid) -> dict[str, tuple[float, ...]]:
    named = [key for key in columns.values if key != FOLDED]
    ranked = sorted(named, key=lambda key: (-sum(columns.values[key]), key))
    kept, rest = ranked[:_TOP], [key for key in columns.values if key not in ranked[:_TOP]]
    top = {key: columns.values[key] for key in kept}
    return {**top, OTHER: columns.sum(rest)} if rest else top


def _columns(layers: Sequence[Layer]) -> list[tuple[float, ...]]:
    return list(zip(*(layer.values for layer in layers), strict=True))


def _area_layers(drawn: Stack) -> list[Figure]:
    # A cut bucket would look like a fall: the area ends before it, a dashed line goes on.
    whole = [at for at, slot in enumerate(drawn.slots) if slot.whole]
    x = [local_text(drawn.slots[at].start, drawn.zone) for at in whole]
    # Between many points the lines of the ground's colour would hide what they part.
    width = 1 if len(whole) <= _MOST_PARTED else 0
    areas: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "all",
            "name": layer.name,
            "x": x,
            "y": [layer.values[at] for at in whole],
            "line": {"width": width, "color": token("surface"), "shape": "linear"},
            "fillcolor": _filled(layer.color),
            "hovertemplate": "%{y:,.1~f}",
            "hoverlabel": {"bgcolor": layer.color},
        }
        for layer in drawn.layers
    ]
    return [*areas, *_not_over(drawn, whole)]


def _not_over(drawn: Stack, whole: Sequence[int]) -> list[Figure]:
    last = len(drawn.slots) - 1
    # A rate of a bucket that has just begun says nothing.
    if drawn.is_rate or not whole or whole[-1] == last:
        return []
    columns = _columns(drawn.layers)
    ends = [whole[-1], last]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "All, not over yet",
            "x": [local_text(drawn.slots[at].start, drawn.zone) for at in ends],
            "y": [sum(columns[at]) for at in ends],
            "line": {"width": 2, "color": token("text-3"), "dash": "dot"},
            "hoverinfo": "skip",
        }
    ]


def _bar_layers(drawn: Stack) -> list[Figure]:
    whole = [slot.whole for slot in drawn.slots]
    return [
        {
            "type": "bar",
            "name": layer.name,
            "x": [_middle(slot, drawn.zone) for slot in drawn.slots],
            "y": list(layer.values),
            "hovertemplate": "%{y:,.0f}",
            "marker": _hatched(whole, layer.color, token("surface")),
        }
        for layer in drawn.layers
    ]


def _hatched(whole: Sequence[bool], color: str, line: str | None = None) -> Figure:
    return {
        "color": color,
        "cornerradius": 2,
        "line": {"color": line or color, "width": 1 if line else [0 if w else 1 for w in whole]},
        "pattern": {
            "shape": ["" if w else "/" for w in whole],
            "fillmode": "replace",
            "fgcolor": color,
            "size": 5,
            "solidity": 0.35,
        },
    }


def _filled(color: str) -> str:
    return f"color-mix(in srgb, {color} 86%, transparent)"


def _edge_labels(drawn: Stack, top: float) -> list[Figure]:
    whole = [at for at, slot in enumerate(drawn.slots) if slot.whole]
    if not whole:
        return []
    gap = _LABEL_GAP / _PLOT_HEIGHT * top
    labels, floor, lowest = [], 0.0, gap / 2
    for layer in drawn.layers:
        height = layer.values[whole[-1]]
        at = max(floor + height / 2, lowest)
        labels.append(_edge_label(layer, at))
        floor, lowest = floor + height, at + gap
    return labels


def _edge_label(layer: Layer, y: float) -> Figure:
    name = layer.name
    short = name if len(name) <= _LABEL_CHARACTERS else f"{name[: _LABEL_CHARACTERS - 1]}…"
    return {
        "name": "edge",
        "text": f'<span style="color:{layer.color}">■</span> {_plain(short)}',
        "xref": "paper",
        "x": 1,
        "xshift": 6,
        "xanchor": "left",
        "y": y,
        "yref": "y",
        "align": "left",
        "showarrow": False,
        "font": {"color": token("text-2"), "size": 12},
    }


def _plain(text: str) -> str:
    """Plotly reads a few HTML tags in labels: a type's name is never markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tick_format(slots: Sequence[Slot]) -> Figure:
    if not slots or slots[-1].end - slots[0].start <= _TWO_DAYS:
        return {"tickformat": "%H:%M", "hoverformat": "%a %-d %b, %H:%M"}
    by_day = slots[0].end - slots[0].start >= _A_DAY
    return {"tickformat": "%-d %b", "hoverformat": "%a %-d %b" if by_day else "%a %-d %b, %H:%M"}


def _middle(slot: Slot, zone: ZoneInfo) -> str:
    return local_text(slot.start + (slot.end - slot.start) / 2, zone)


def slot_words(slot: Slot, zone: ZoneInfo) -> str:
    start, end = slot.start.astimezone(zone), slot.end.astimezone(zone)
    if slot.end - slot.start < _A_DAY:
        return f"{start:%a} {start.day} {start:%b}, {start:%H:%M} to {end:%H:%M}"
    first = f"{start:%a} {start.day} {start:%b %Y}"
    return first if slot.end - slot.start < _TWO_DAYS else f"from {first}"


def _scale(values: Sequence[float], currency: str) -> tuple[float, str]:
    """Divisor of minor units and the axis's words, so that ticks stay short."""
    unit = 10 ** fmt.money_exponent(currency)
    sign = fmt.currency_sign(currency).strip()
    largest = max((abs(v) for v in values), default=0) / unit
    if largest >= 2_000_000:
        return unit * 1_000_000, f"{sign} million"
    if largest >= 2_000:
        return unit * 1_000, f"{sign} thousand"
    return unit, sign
