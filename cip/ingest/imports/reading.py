"""Bytes of a file: unpacked, decoded, and with errors that say what to do."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path
from typing import Final

import pyarrow as pa

from cip.domain.errors import InvalidInputError

BLOCK_BYTES: Final = 8 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"


class readable:  # noqa: N801 - reads as a phrase: with readable(path)
    """Turns what the readers raise on a bad file into an error that says what to do."""

    def __init__(self, path: Path) -> None:
        self._name = path.name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnicodeError) or (
            isinstance(error, pa.ArrowInvalid) and "UTF8" in str(error)
        ):
            raise InvalidInputError(
                f"{self._name} is not in the encoding it was read in. Name its own, for example "
                "--encoding cp1252.",
                field="--encoding",
            ) from error
        if isinstance(error, pa.ArrowInvalid | OSError | EOFError | csv.Error):
            raise InvalidInputError(
                f"{self._name} cannot be read: {error}", field="FILE"
            ) from error


def check_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise InvalidInputError(f"There is no encoding {name!r}.", field="--encoding") from error


def unpacked(raw: pa.OSFile, path: Path) -> pa.NativeFile:
    return pa.CompressedInputStream(raw, "gzip") if _is_gzip(path) else raw


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def head(path: Path, encoding: str) -> str:
    with pa.OSFile(str(path)) as raw:
        start = unpacked(raw, path).read(BLOCK_BYTES // 8)
    decoder = codecs.getincrementaldecoder(without_mark(encoding))()
    return decoder.decode(start)


def without_mark(encoding: str) -> str:
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
