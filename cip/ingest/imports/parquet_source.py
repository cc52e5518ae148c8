"""Parquet files: columns that have types already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from cip.ingest.imports.reading import readable
from cip.ingest.imports.source import Columns, Kind, Malformed, Progress, numbered

_ROWS: Final = 131_072


@dataclass(slots=True)
class ParquetSource(Columns):
    path: Path
    kinds: Mapping[str, Kind]
    malformed: list[Malformed] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> ParquetSource:
        with readable(path):
            schema = pq.read_schema(path)
        return cls(path, {column.name: _kind(column.type) for column in schema})

    def batches(self, columns: Sequence[str], progress: Progress) -> Iterator[pa.Table]:
        with readable(self.path), pq.ParquetFile(self.path) as file:
            total = max(file.metadata.num_rows, 1)
            done = 0
            for batch in file.iter_batches(_ROWS, columns=list(columns)):
                yield numbered(pa.Table.from_batches([batch]).select(list(columns)), done + 1)
                done += batch.num_rows
                progress(done / total)


def _kind(kind: pa.DataType) -> Kind:
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_timestamp(kind):
        return "time" if kind.tz is None else "instant"
    if pa.types.is_date(kind):
        return "time"
    return "nested" if pa.types.is_nested(kind) else "text"
