"""Which reader a file gets."""

from __future__ import annotations

from pathlib import Path

from cip.domain.errors import InvalidInputError
from cip.ingest.imports.csv_source import CsvSource
from cip.ingest.imports.line_source import LineSource
from cip.ingest.imports.parquet_source import ParquetSource
from cip.ingest.imports.reading import check_encoding
from cip.ingest.imports.source import Format, Source


def open_source(path: Path, form: Format) -> Source:
    """Raises `InvalidInputError` for a file that is missing, empty or not what its name says."""
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.", field="FILE")
    if path.stat().st_size == 0:
        raise InvalidInputError(f"{path.name} is empty.", field="FILE")
    check_encoding(form.encoding)
    name = path.name.lower().removesuffix(".gz")
    if form.fixed is not None:
        return LineSource.of_fixed(path, form)
    if name.endswith((".parquet", ".pq")):
        return ParquetSource.of(path)
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return LineSource.of_json(path, form)
    if name.endswith((".csv", ".tsv", ".txt")):
        return CsvSource.of(path, form)
    raise InvalidInputError(
        f"{path.name}: the name must end in .csv, .tsv, .txt, .parquet, .jsonl or .ndjson "
        "(all but Parquet also with .gz).",
        field="FILE",
    )
