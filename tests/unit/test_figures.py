"""Figures: plain dictionaries that Plotly accepts in both themes, and that draw what is true."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from cip.domain.results import Envelope, Point, Rfm, RfmCell, Timeseries, Window
from cip.figures.buckets import grid
from cip.figures.palette import OTHER, event_type_color, event_type_colors, segment_look
from cip.figures.rfm import heatmap, pairs
from cip.figures.sparkline import sparkline
from cip.figures.theme import CONFIG, parse_tokens, resolve, token
from cip.figures.timeseries import bars_figure, stack, stacked_figure

THEMES = ("light", "dark")
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
_TOKENS = (Path(__file__).parents[2] / "assets" / "00-tokens.css").read_text()


def envelope(**changes: Any) -> Envelope:
    fields: dict[str, Any] = {
        "schema_": "timeseries/1",
        "tenant": "acme",
        "computed_at": START + timedelta(hours=3),
        "as_of": START,
        "events_read": 10,
        "dataset_version": "0.1",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "period": Window(start=START, end=START + timedelta(hours=3)),
    }
    return Envelope(**{**fields, **changes})


def series(
    rows: dict[str | None, list[float]], *, bucket: str = "hour", cut: tuple[int, ...] = ()
) -> Timeseries:
    step = {"five_minutes": timedelta(minutes=5), "day": timedelta(days=1)}.get(
        bucket, timedelta(hours=1)
    )
    points = [
        Point(start=START + step * at, value=value, key=key, incomplete=at in cut)
        for key, values in rows.items()
        for at, value in enumerate(values)
    ]
    metric = "events" if None not in rows else "revenue_minor"
    unit = "count" if metric == "events" else "minor"
    return Timeseries(metric=metric, bucket=bucket, unit=unit, points=tuple(points))


def rfm(*cells: tuple[int, int, int, int, int]) -> Rfm:
    made = tuple(
        RfmCell(recency=r, frequency=f, monetary=m, customers=n, revenue_minor=v)
        for r, f, m, n, v in cells
    )
    return Rfm(
        method="rank",
        as_of=START,
        customers=sum(c.customers for c in made),
        revenue_minor=sum(c.revenue_minor for c in made),
        cells=made,
        segments=(),
    )


TYPES: dict[str | None, list[float]] = {
    "page.viewed": [50, 60, 70],
    "feature.used": [20, 20, 20],
    "a": [5, 5, 5],
    "b": [4, 4, 4],
    "c": [3, 3, 3],
    "d": [2, 2, 2],
    "other": [1, 1, 1],
}
FIGURES = {
    "areas": stacked_figure(stack(series(TYPES, cut=(2,)), envelope()), zoom_key="24h"),
    "bars by day": stacked_figure(
        stack(series(TYPES, bucket="day", cut=(0,)), envelope()), zoom_key="30d", as_bars=True
    ),
    "revenue": bars_figure(series({None: [100_00, -5_00, 0]}, cut=(2,)), envelope(), zoom_key="x"),
    "rfm": heatmap(rfm((5, 5, 5, 40, 9_000), (1, 1, 1, 3, 100)), "EUR"),
    "empty": stacked_figure(stack(series({}), envelope()), zoom_key="24h"),
    "empty rfm": heatmap(rfm(), "EUR"),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_figure_in_both_themes(name: str, theme: str) -> None:
    resolved = resolve(FIGURES[name], parse_tokens(_TOKENS, theme))
    go.Figure(resolved)
    assert "var(" not in str(resolved)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_states_no_color_of_its_own(name: str) -> None:
    without_clear = str(FIGURES[name]).replace("rgba(0,0,0,0)", "")
    assert not re.search(r"#[0-9a-fA-F]{6}|rgba?\(", without_clear)


def test_a_translucent_token_becomes_rgba() -> None:
    known = {"--cat-1": "#0A10FF"}
    assert resolve([token("cat-1", 0.86)], known) == ["rgba(10,16,255,0.86)"]
    assert resolve({"a": "b var(--cat-1) c"}, known) == {"a": "b #0A10FF c"}


def test_the_five_most_frequent_types_have_a_layer_and_the_rest_share_one() -> None:
    drawn = stack(series(TYPES), envelope())
    assert [layer.name for layer in drawn.layers] == [
        "page.viewed", "feature.used", "a", "b", "c", OTHER,
    ]  # fmt: skip
    assert drawn.layers[-1].values == (3, 3, 3)  # 2 of d and 1 that the insight had folded


def test_the_total_is_one_layer() -> None:
    (layer,) = stack(series(TYPES), envelope(), split=False).layers
    assert layer.values == (85, 95, 105)


def test_five_minute_buckets_are_shown_a_minute() -> None:
    drawn = stack(series({"a": [50, 100]}, bucket="five_minutes"), envelope())
    assert drawn.unit == "events per minute"
    assert drawn.layers[0].values == (10, 20)


def test_an_area_ends_before_a_cut_bucket_and_goes_on_dotted() -> None:
    figure = stacked_figure(stack(series({"a": [4, 6, 1]}, cut=(2,)), envelope()), zoom_key="k")
    area, dotted = figure["data"]
    assert area["y"] == [4, 6]
    assert dotted["y"] == [6, 1]
    assert dotted["line"]["dash"] == "dot"


def test_times_are_drawn_in_the_tenants_timezone() -> None:
    figure = stacked_figure(stack(series({"a": [4, 6]}), envelope()), zoom_key="k")
    assert figure["data"][0]["x"][0] == "2026-11-22T10:00:00"


def test_money_bars_are_in_the_currency_and_cut_ones_are_hatched() -> None:
    figure = FIGURES["revenue"]
    assert figure["data"][0]["y"] == [100, -5, 0]
    assert figure["data"][0]["marker"]["pattern"]["shape"] == ["", "", "/"]
    assert figure["layout"]["annotations"][0]["text"] == "€"


def test_large_amounts_are_drawn_in_thousands() -> None:
    figure = bars_figure(series({None: [4_860_300]}), envelope(), zoom_key="k")
    assert figure["data"][0]["y"] == [48.603]
    assert figure["layout"]["annotations"][0]["text"] == "€ thousand"


def test_a_types_name_is_never_markup() -> None:
    figure = stacked_figure(stack(series({"<b>x</b>": [1, 2]}), envelope()), zoom_key="k")
    label = next(a for a in figure["layout"]["annotations"] if a.get("name") == "edge")
    assert "&lt;b&gt;x&lt;/b&gt;" in label["text"]


def test_labels_at_the_edge_do_not_overlap() -> None:
    rows: dict[str | None, list[float]] = {f"t{n}": [1.0, 1.0] for n in range(5)}
    figure = stacked_figure(stack(series({"big": [500, 500], **rows}), envelope()), zoom_key="k")
    heights = [a["y"] for a in figure["layout"]["annotations"] if a.get("name") == "edge"]
    top = figure["layout"]["yaxis"]["range"][1]
    gaps = [(b - a) / top * 280 for a, b in itertools.pairwise(heights)]
    assert min(gaps) >= 15.9  # pixels of a plot that is 280 high


def test_points_without_a_key_count_as_nothing_there() -> None:
    columns = grid(series({"a": [1, 2], "b": [5]}))
    assert columns.values == {"a": (1, 2), "b": (5, 0)}
    assert [slot.end - slot.start for slot in columns.slots] == [timedelta(hours=1)] * 2


def test_a_bound_type_keeps_its_color_whatever_is_beside_it() -> None:
    alone = event_type_color("page.viewed")
    beside = event_type_colors([f"zz{n}" for n in range(6)] + ["page.viewed"])
    assert beside["page.viewed"] == alone == token("cat-1")
    assert len(set(beside.values())) == 7


def test_segments_are_bound_by_name_and_lost_is_slate() -> None:
    assert segment_look("Champions").color == token("cat-1")
    assert segment_look("CHAMPIONS") == segment_look("Champions")
    assert segment_look("Lost").color == token("cat-8")


def test_a_pair_sums_its_monetary_scores() -> None:
    cells = pairs(rfm((5, 4, 1, 10, 100), (5, 4, 3, 30, 900), (2, 2, 2, 1, 5)))
    assert len(cells) == 25
    pair = next(c for c in cells if (c.recency, c.frequency) == (5, 4))
    assert (pair.customers, pair.revenue_minor, pair.mean_monetary) == (40, 1000, 2.5)


def test_the_fullest_cell_is_darkest_and_its_ink_fits() -> None:
    figure = FIGURES["rfm"]
    assert figure["data"][0]["z"][4][4] == 7
    labels = {(a.get("x"), a.get("y")): a for a in figure["layout"]["annotations"]}
    assert labels[5, 5]["text"] == "40"
    assert labels[5, 5]["font"]["color"] == token("seq-ink-7")
    assert labels[3, 3]["font"]["color"] == token("seq-ink-1")


def test_a_sparkline_needs_two_values_and_uses_its_whole_height() -> None:
    assert sparkline([]) == []
    assert sparkline([1]) == []
    assert sparkline([1, 3, 2]) == [0, 100, 50]
    assert sparkline([4, 4, 4]) == [50, 50, 50]
    assert sparkline([-1, 0]) == [0, 100]


def test_the_mode_bar_can_only_zoom_reset_and_save() -> None:
    assert CONFIG["displaylogo"] is False
    assert CONFIG["modeBarButtons"] == [["zoom2d", "resetScale2d", "toImage"]]
