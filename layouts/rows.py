"""Tables whose rows have controls, as data: the browser builds them (assets/rows.js)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

RowCell = str | dict[str, Any]
Row = dict[str, Any]
RowTable = dict[str, Any]


def row_table(
    head: Sequence[tuple[str, str]], rows: Sequence[Row], *, caption: str, look: str = ""
) -> RowTable:
    """`head`: each column's title and class, which its cells share; `acts` hides the title."""
    return {
        "caption": caption,
        "look": look,
        "head": [list(column) for column in head],
        "rows": list(rows),
    }


def row(key: str, cells: Sequence[RowCell], *, dim: bool = False) -> Row:
    """`key`: what the row's controls act on."""
    return {"key": key, "cells": list(cells), "dim": dim}


def text(shown: str, **more: Any) -> RowCell:
    """`sub`: a line below; `tag`: the look of a tag around it; `tags`: (text, look) of tags behind
    it; `age`: an epoch to count from in its place; `mono`; `title`; `label`: as in a table."""
    return {"text": shown, **more}


def select(name: str, value: str, options: Mapping[str, str], *, action: str, label: str) -> Any:
    return {
        "select": {
            "name": name,
            "value": value,
            "options": [list(option) for option in options.items()],
            "action": action,
            "label": label,
        }
    }


def menu(label: str, items: Sequence[Mapping[str, Any]]) -> RowCell:
    return {"menu": {"label": label, "items": [dict(item) for item in items]}}


def item(text_: str, icon: str, action: str, **more: Any) -> dict[str, Any]:
    """`confirm`: see `question`; `danger`; `values`: what is posted along."""
    return {"text": text_, "icon": icon, "action": action, **more}


def question(title: str, what: str, yes: str, *, type_: str = "") -> dict[str, str]:
    """What cannot be undone is asked for once more; `type_`: a text to be typed for it."""
    return {"title": title, "text": what, "yes": yes, **({"type": type_} if type_ else {})}
