"""What every kind of file is read as: numbered batches of columns of known kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa

# A `time` is on the clock of the tenant; an `instant` knows its timezone.
Kind = Literal["text", "integer", "number", "boolean", "time", "instant", "nested", "json"]
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that could not be cut into cells; `row` counts from 1, after the header."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Format:
    """What the user may say about a file; `fixed` names a fixed-width layout."""

    encoding: str = "utf-8"
    delimiter: str | None = None
    fixed: str | None = None


class Source(Protocol):
    """A file that can be read more than once. `kinds`: each column's name and kind, in order."""

    path: Path
    kinds: Mapping[str, Kind]
    malformed: list[Malformed]

    def batches(self, columns: Sequence[str], progress: Progress) -> Iterator[pa.Table]:
        """Tables of `row` (from 1) and what `expression` needs of `columns`."""

    def expression(self, column: str, position: int) -> str:
        """SQL of a column in a batch; `position` is its place in the list given to `batches`."""

    def parameters(self, columns: Sequence[str]) -> dict[str, str]:
        """The values that the expressions bind."""

    def line_fault(self) -> str | None:
        """SQL that is true for a row that is no record at all."""


class Columns:
    """What holds of every file that comes in columns: they are read as they are."""

    __slots__ = ()

    def expression(self, column: str, position: int) -> str:  # noqa: ARG002 - lines need it
        return f"c{position}"

    def parameters(self, columns: Sequence[str]) -> dict[str, str]:  # noqa: ARG002 - lines need it
        return {}

    def line_fault(self) -> str | None:
        return None


def numbered(table: pa.Table, rows: int | np.ndarray) -> pa.Table:
    """The batch with plain column names, so that no name of the file reaches a query's text."""
    if isinstance(rows, int):
        rows = np.arange(rows, rows + table.num_rows, dtype=np.int64)
    names = ["row", *(f"c{at}" for at in range(table.num_columns))]
    return pa.table([pa.array(rows), *table.columns], names=names)
