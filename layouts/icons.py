"""Bootstrap's icons, served by this application."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from layouts.attributes import attrs


def icon(name: str, extra: str = "") -> Component:
    """For the eye only: the control beside it carries the name."""
    return html.I(className=f"bi bi-{name} {extra}".strip(), **attrs({"aria-hidden": "true"}))
