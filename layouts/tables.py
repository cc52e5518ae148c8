"""Tables as data: the browser builds the rows (assets/tables.js).

A Dash component costs at every update of the page, a plain element does not: a table of 300 rows
made of components stops the page for seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Cell = str | dict[str, str]
Table = dict[str, Any]


def table(
    head: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[Cell]],
    *,
    caption: str,
    look: str = "",
) -> Table:
    """`head`: each column's title and class, which its cells share. See `cell` for more."""
    return {
        "caption": caption,
        "look": look,
        "head": [list(column) for column in head],
        "rows": [list(row) for row in rows],
    }


def cell(text: str, **more: str) -> Cell:
    """`dot`: a colour before the text; `age`: an epoch to count from in place of the text;
    `title`: what hovering tells; `label`: what the value is, where a phone hides the head."""
    return {"text": text, **more}
