"""From a result to the contents of a panel of the home page. Values in, components out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import html

from cip.domain.results import FeedEvent, Kpis, Result, Timeseries
from cip.figures import format as fmt
from cip.figures.buckets import grid
from cip.figures.timeseries import bars_figure, slot_words, stack, stacked_figure
from layouts.components import legend, swatch
from layouts.definitions import HOME_KPIS
from layouts.filters import HomeFilters
from layouts.kpis import Cell, cell
from layouts.lists import amounts_table, feed, ranked, stack_table
from layouts.view import View, subtitle

_LONG_BUCKETS: Final = frozenset({"day", "week", "month"})
_WORDS: Final = {
    "minute": "Each minute",
    "five_minutes": "Mean of each 5 minutes",
    "hour": "Each hour",
    "day": "Each day",
    "week": "Each week",
    "month": "Each month",
}


def kpi_cells(
    result: Result[Kpis], filters: HomeFilters, lines: Mapping[str, Sequence[float]]
) -> list[Cell]:
    """`lines` holds the sparkline of those metrics that have one."""
    against = filters.before_words if filters.against == "previous" else None
    return [
        cell(
            metric,
            getattr(result.data, metric),
            currency=result.envelope.currency,
            against="5 min before" if against and metric == "active_now" else against,
            line=lines.get(metric, ()),
            beside=_orders(result.data) if metric == "average_order_minor" else "",
        )
        for metric in HOME_KPIS
    ]


def _orders(data: Kpis) -> str:
    number = data.purchases.value or 0
    return f"of {fmt.exact(number)} order{'' if number == 1 else 's'}" if number else ""


def whole_values(series: Timeseries) -> tuple[float, ...]:
    """Without the cut buckets at the ends, which would look like a fall."""
    columns = grid(series)
    values = columns.sum(list(columns.values))
    return tuple(v for v, slot in zip(values, columns.slots, strict=True) if slot.whole)


def events_view(
    result: Result[Timeseries], filters: HomeFilters, *, refreshing: bool, split: bool
) -> View:
    drawn = stack(result.data, result.envelope, split=split)
    if not any(any(layer.values) for layer in drawn.layers):
        return View()
    bucket = result.data.bucket
    return View(
        content=stacked_figure(drawn, zoom_key=_zoom(filters), as_bars=bucket in _LONG_BUCKETS),
        subtitle=subtitle(
            f"{_WORDS[bucket]}, {filters.words}", result.envelope, refreshing=refreshing
        ),
        legend=legend([(layer.name, layer.color) for layer in drawn.layers]),
        twin=stack_table(drawn),
    )


def totals(series: Timeseries) -> dict[str, float]:
    """The sum of each key over the whole period."""
    return {key: sum(row) for key, row in grid(series).values.items()}


def channels_view(result: Result[Timeseries], filters: HomeFilters, *, refreshing: bool) -> View:
    all_of_them = totals(result.data)
    chosen = {
        name: value
        for name, value in all_of_them.items()
        if not filters.channels or name in filters.channels
    }
    if not any(chosen.values()):
        return View()
    return View(
        content=ranked(chosen, head="Channel", unit="Events"),
        subtitle=subtitle(
            f"Events by channel, {filters.words}", result.envelope, refreshing=refreshing
        ),
        footer=_number_of_channels(len(chosen), len(all_of_them)),
    )


def revenue_view(result: Result[Timeseries], filters: HomeFilters, *, refreshing: bool) -> View:
    columns = grid(result.data)
    values = columns.sum(list(columns.values))
    if not any(values):
        return View()
    zone = ZoneInfo(result.envelope.timezone)
    rows = [
        (slot_words(slot, zone), value, slot.whole)
        for slot, value in zip(columns.slots, values, strict=True)
    ]
    return View(
        content=bars_figure(result.data, result.envelope, zoom_key=_zoom(filters)),
        subtitle=subtitle(
            f"Purchases minus refunds, {filters.words}", result.envelope, refreshing=refreshing
        ),
        footer=_bar_key(_WORDS[result.data.bucket]),
        twin=amounts_table(rows, result.envelope.currency, head="Revenue"),
    )


def feed_view(events: Sequence[FeedEvent], wanted: str, currency: str) -> View:
    """`wanted` filters by a part of type, customer, channel or detail."""
    needle = wanted.strip().casefold()
    kept = [event for event in events if needle in _text(event)]
    if not kept:
        return View()
    number = f"{len(kept)} of {len(events)}" if needle else f"{len(kept)}"
    return View(
        content=feed(kept, currency),
        subtitle="Times are ages, newest first",
        footer=f"The newest {number} events",
    )


def _text(event: FeedEvent) -> str:
    return f"{event.type} {event.customer_id} {event.channel} {event.detail}".casefold()


def _number_of_channels(shown: int, known: int) -> str:
    number = str(known) if shown == known else f"{shown} of {known}"
    return f"{number} channel{'' if known == 1 else 's'}"


def _bar_key(each: str) -> Any:
    whole = each.removeprefix("Mean of ").removeprefix("each ").removeprefix("Each ")
    return html.Div(
        [
            html.Span([swatch("var(--cat-1)", round_=False), f"Whole {whole}"]),
            html.Span([html.I(className="sq hatch"), "In part, or not over yet"]),
        ],
        className="legend",
    )


def _zoom(filters: HomeFilters) -> str:
    return f"{filters.period} {filters.start} {filters.end}"
