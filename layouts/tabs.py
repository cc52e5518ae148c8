"""Tabs of a page that has several views; the address names the open one (assets/tabs.js)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.attributes import attrs


@dataclass(frozen=True, slots=True)
class Tab:
    """`opens`: the panels that read when it is opened."""

    name: str
    title: str
    opens: Sequence[str]
    content: Sequence[Component]


def tabs(page: str, label: str, shown: Sequence[Tab], search: str | None) -> list[Component]:
    """The tab that the query string names is open, else the first."""
    wanted = parse_qs((search or "").removeprefix("?")).get("tab", [""])[0]
    chosen = wanted if wanted in {tab.name for tab in shown} else shown[0].name
    row = html.Div(
        [_face(page, tab, chosen=tab.name == chosen) for tab in shown],
        id=page,
        className="tabs",
        role="tablist",
        **attrs({"aria-label": label, "data-tabs": "1"}),
    )
    return [row, *(_panel(page, tab, chosen=tab.name == chosen) for tab in shown)]


def _face(page: str, tab: Tab, *, chosen: bool) -> Component:
    marks = {
        "data-tab": tab.name,
        "data-opens": " ".join(tab.opens),
        "aria-selected": "true" if chosen else "false",
        "aria-controls": ids.tab_panel(page, tab.name),
    }
    return html.Button(
        tab.title,
        id=ids.tab(page, tab.name),
        type="button",
        role="tab",
        tabIndex=0 if chosen else -1,
        **attrs(marks),
    )


def _panel(page: str, tab: Tab, *, chosen: bool) -> Component:
    return html.Div(
        list(tab.content),
        id=ids.tab_panel(page, tab.name),
        className="tab-panel",
        role="tabpanel",
        hidden=None if chosen else "hidden",
        **attrs({"aria-labelledby": ids.tab(page, tab.name)}),
    )
