"""A copy of the tombstones outside Redis: it survives that Redis is put back to an older state."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_NAME: Final = "tombstones.jsonl"


@dataclass(slots=True)
class Kept:
    """Keys (id → hex), tombstones (name → instant) and erasures (id → record), as in Redis."""

    keys: dict[str, str] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)


class TombstoneJournal:
    """In a tenant's folder of the history; only ever appended to. Holds no customer id."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _NAME

    def read(self) -> Kept:
        """All that was ever written; a line that a kill cut off is left out."""
        kept = Kept()
        if not self._file.exists():
            return kept
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            kept.keys |= entry.get("keys", {})
            kept.records |= entry.get("records", {})
            _raise(kept.until, entry.get("until", {}))
        return kept

    def add(self, new: Kept) -> None:
        """Writes, durably, what it does not hold yet."""
        known = self.read()
        entry = {
            "keys": {name: text for name, text in new.keys.items() if name not in known.keys},
            "until": {
                name: us
                for name, us in new.until.items()
                if name not in known.until or known.until[name] < us
            },
            "records": {
                name: text for name, text in new.records.items() if known.records.get(name) != text
            },
        }
        if any(entry.values()):
            self._append(json.dumps({name: part for name, part in entry.items() if part}))

    def _append(self, line: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            # A line of its own, whatever a killed writer has left of the one before.
            file.write(f"\n{line}\n")
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _raise(known: dict[str, int], more: Mapping[str, int]) -> None:
    for name, us in more.items():
        known[name] = max(us, known.get(name, us))
