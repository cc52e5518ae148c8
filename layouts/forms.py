"""Forms whose values the browser posts at once (assets/acts.js), with an error at each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.attributes import attrs
from layouts.icons import icon


def form(
    panel: str, area: str, action: str, fields: Sequence[Component], *, submit: str, glyph: str
) -> Component:
    """`area` takes what is posted; `action` is what it is asked to do."""
    return html.Form(
        [
            *fields,
            html.P(className="field-error", role="alert", **attrs({"data-error-for": ""})),
            html.Div(
                html.Button([icon(glyph), submit], type="submit", className="button primary"),
                className="form-acts",
            ),
        ],
        id=ids.form(panel),
        className="form",
        noValidate="noValidate",  # the server says what is wrong, beside the field
        **attrs({"data-area": area, "data-does": action}),
    )


def text_field(panel: str, name: str, label: str, help_text: str, **options: Any) -> Component:
    """`options` go to the input; `choices`: a list is filled in later, which typing searches."""
    control = ids.field(panel, name)
    choices = options.pop("choices", False)
    entry = dbc.Input(
        id=control,
        name=name,
        autocomplete="off",
        list=f"{ids.form(panel)}-{name}-list" if choices else None,
        **{"type": "text", **options},
    )
    more = [html.Datalist(id=f"{ids.form(panel)}-{name}-list")] if choices else []
    return _field(control, name, label, help_text, [entry, *more])


def choice_field(
    panel: str, name: str, label: str, help_text: str, options: Mapping[str, str]
) -> Component:
    """The first option is the one to begin with."""
    control = ids.field(panel, name)
    entry = html.Select(
        [html.Option(text, value=value) for value, text in options.items()],
        id=control,
        name=name,
        className="input",
    )
    return _field(control, name, label, help_text, [entry])


def checks_field(
    panel: str, name: str, label: str, help_text: str, options: Mapping[str, tuple[str, str]]
) -> Component:
    """`options`: title and meaning of each; any number may be chosen."""
    boxes = [
        dbc.Checkbox(
            id=ids.field(panel, f"{name}.{value}"),
            name=f"{name}.{value}",
            label=html.Span([html.B(title), html.Span(meaning)]),
            value=False,
        )
        for value, (title, meaning) in options.items()
    ]
    return html.Fieldset(
        [html.Legend(label), html.P(help_text, className="help"), *boxes, _error(name)],
        className="field-set",
    )


def _field(
    control: str, name: str, label: str, help_text: str, entry: Sequence[Component]
) -> Component:
    return html.Div(
        [
            html.Label(label, htmlFor=control),
            *entry,
            html.P(help_text, className="help", id=f"{control}-help"),
            _error(name),
        ],
        className="form-field",
    )


def _error(name: str) -> Component:
    return html.P(className="field-error", role="alert", **attrs({"data-error-for": name}))
