"""CSV files, packed or not, whatever their delimiter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from cip.domain.errors import InvalidInputError
from cip.ingest.imports.reading import BLOCK_BYTES, head, readable, unpacked
from cip.ingest.imports.source import Columns, Format, Kind, Malformed, Progress, numbered

_DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(slots=True)
class CsvSource(Columns):
    """Every cell is text; an empty one is null. Rows of another width are `malformed`."""

    path: Path
    kinds: Mapping[str, Kind]
    form: Format
    malformed: list[Malformed] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path, form: Format) -> CsvSource:
        with readable(path):
            start = head(path, form.encoding)
        delimiter = form.delimiter or _delimiter(start)
        header = next(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter), [])
        if not any(header):
            raise InvalidInputError(f"{path.name} has no header line.", field="FILE")
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise InvalidInputError(
                f"{path.name} has more than one column named {repeated[0]!r}.", field="FILE"
            )
        return cls(
            path, dict.fromkeys(header, "text"), Format(form.encoding, delimiter, form.fixed)
        )

    def batches(self, columns: Sequence[str], progress: Progress) -> Iterator[pa.Table]:
        self.malformed.clear()
        following = 1
        with readable(self.path), pa.OSFile(str(self.path)) as raw:
            size = raw.size()
            reader = self._reader(raw, columns)
            for batch in reader:
                rows, following = self._row_numbers(following, batch.num_rows)
                yield numbered(pa.Table.from_batches([batch]), rows)
                progress(raw.tell() / size)

    def _reader(self, raw: pa.OSFile, columns: Sequence[str]) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            unpacked(raw, self.path),
            # Without threads the reader tells the number of a malformed row.
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, encoding=self.form.encoding
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.form.delimiter,
                newlines_in_values=True,
                invalid_row_handler=self._set_aside,
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )

    def _set_aside(self, row: pa_csv.InvalidRow) -> str:
        self.malformed.append(Malformed(row.number - 1, row.text))
        return "skip"

    def _row_numbers(self, first: int, count: int) -> tuple[np.ndarray, int]:
        """Numbers of the next `count` good rows, which leave out those of malformed ones."""
        bad = [item.row for item in self.malformed if item.row >= first]
        candidates = np.arange(first, first + count + len(bad), dtype=np.int64)
        rows = np.setdiff1d(candidates, np.array(bad, dtype=np.int64), assume_unique=True)[:count]
        return rows, int(rows[-1]) + 1 if count else first


def _delimiter(head: str) -> str:
    """The likeliest delimiter: the one that cuts the header into the most cells."""
    line = head.split("\n", 1)[0]
    return max(_DELIMITERS, key=lambda mark: len(next(csv.reader([line], delimiter=mark), [])))
