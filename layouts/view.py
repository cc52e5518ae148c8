"""What fills a panel once there is a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from cip.domain.results import Envelope
from layouts.attributes import attrs
from layouts.components import age
from layouts.tables import Table

Children = Sequence[Any] | Component | str | None


@dataclass(frozen=True, slots=True)
class View:
    """What fills a panel. `content` is a figure for a chart and components for a list;
    `twin` is the table behind a chart."""

    content: Any = None
    subtitle: Children = None
    footer: Children = None
    legend: Children = None
    twin: Table | None = None


def subtitle(text: str, envelope: Envelope, *, refreshing: bool) -> list[Component | str]:
    """What the panel shows and how old it is; while figures are being renewed, the mark in it
    makes the browser look again soon."""
    since = age(envelope.computed_at.timestamp(), before=" · ", after=" ago")
    mark = [html.Span(className="sr-only", **attrs({"data-pending": "1"}))] if refreshing else []
    return [text, since, *mark]
