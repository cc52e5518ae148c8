"""Files with a record per line: JSON, and fixed-width layouts."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from cip.domain.errors import InvalidInputError
from cip.ingest.imports.reading import BLOCK_BYTES, readable, unpacked, without_mark
from cip.ingest.imports.source import Format, Kind, Malformed, Progress

_SAMPLE_LINES: Final = 10_000
_LONGEST_LINE: Final = 8 * BLOCK_BYTES
# DuckDB's JSON functions raise on a line that is not JSON.
_SOUND: Final = "CASE WHEN json_valid(line) THEN line END"
_FIXED_FORMATS: Final = {
    # master id, sample id, yyyymmdd, units, dollars
    "cdnow": (
        r"\s*([0-9]+)\s+([0-9]+)\s+([0-9]{8})\s+([0-9]+)\s+([0-9]*\.?[0-9]+)\s*",
        ("master_id", "sample_id", "date", "units", "dollars"),
    )
}


@dataclass(slots=True)
class LineSource:
    """A record per line, taken apart in SQL; `row` is the line's number."""

    path: Path
    kinds: Mapping[str, Kind]
    form: Format
    malformed: list[Malformed] = field(default_factory=list)

    @classmethod
    def of_json(cls, path: Path, form: Format) -> LineSource:
        return cls(path, dict.fromkeys(_json_keys(path, form.encoding), "json"), form)

    @classmethod
    def of_fixed(cls, path: Path, form: Format) -> LineSource:
        _, columns = _FIXED_FORMATS[form.fixed or ""]
        return cls(path, dict.fromkeys(columns, "text"), form)

    def batches(
        self,
        columns: Sequence[str],  # noqa: ARG002 - SQL takes the line apart
        progress: Progress,
    ) -> Iterator[pa.Table]:
        first = 1
        size = self.path.stat().st_size
        with readable(self.path), pa.OSFile(str(self.path)) as raw:
            for lines in _lines(unpacked(raw, self.path), self.form.encoding, self.path.name):
                numbered = pa.table(
                    {"row": np.arange(first, first + len(lines), dtype=np.int64), "line": lines}
                )
                yield numbered.filter(pa.array([bool(line.strip()) for line in lines], pa.bool_()))
                first += len(lines)
                progress(raw.tell() / size)

    def expression(self, column: str, position: int) -> str:
        if self.form.fixed is None:
            return f"json_extract({_SOUND}, $path{position})"
        group = list(self.kinds).index(column) + 1
        return f"nullif(regexp_extract(line, $pattern, {group}), '')"

    def parameters(self, columns: Sequence[str]) -> dict[str, str]:
        if self.form.fixed is None:
            return {f"path{at}": _pointer(column) for at, column in enumerate(columns)}
        return {"pattern": _FIXED_FORMATS[self.form.fixed][0]}

    def line_fault(self) -> str | None:
        if self.form.fixed is None:
            return f"json_type({_SOUND}) IS DISTINCT FROM 'OBJECT'"
        return "NOT regexp_full_match(line, $pattern)"


def _lines(stream: pa.NativeFile, encoding: str, name: str) -> Iterator[list[str]]:
    decoder = codecs.getincrementaldecoder(without_mark(encoding))()
    rest = ""
    while block := stream.read(BLOCK_BYTES):
        *whole, rest = (rest + decoder.decode(block)).split("\n")
        if len(rest) > _LONGEST_LINE:
            raise InvalidInputError(f"{name} has a line of more than 64 MB.", field="FILE")
        if whole:
            yield whole
    rest += decoder.decode(b"", final=True)
    if rest:
        yield [rest]


def _json_keys(path: Path, encoding: str) -> list[str]:
    """Keys of the first lines, in order of appearance."""
    keys: dict[str, None] = {}
    with readable(path), pa.OSFile(str(path)) as raw:
        lines = next(_lines(unpacked(raw, path), encoding, path.name), [])
    for line in lines[:_SAMPLE_LINES]:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            keys.update(dict.fromkeys(record))
    return list(keys)


def _pointer(key: str) -> str:
    """A JSON pointer to one key."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
