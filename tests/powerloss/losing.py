"""Rebuilds a recorded folder as a power loss would leave it.

The model, as hard as POSIX allows:

- A file has what it had when it was last synced, and of what was appended since a part or nothing.
  One that was never synced may be empty.
- A folder has the entries it had when it was last synced; of those that came or went since, some
  or none. One that was never synced may have lost everything in it. A sync of a file does not
  make its name durable, nor one of a folder what the entry's file holds.

Not in it: what is overwritten in place (only the mark of what is synced, where the older and the
newer number are both true), bytes other than those written (zeros or garbage behind the last sync),
removed folders that come back, and a disk that lies.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.powerloss.recorder import Recorder

Entries = dict[str, int]  # name → inode


@dataclass(slots=True)
class Durable:
    """What the journal says is on the disk."""

    sizes: dict[int, int] = field(default_factory=dict)
    folders: dict[int, Entries] = field(default_factory=dict)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Durable:
        found = cls()
        rest = iter(lines)
        for line in rest:
            kind, inode, number = line.split(" ")
            if kind == "D":
                found.folders[int(inode)] = _entries(rest, int(number))
            elif kind == "F":
                found.sizes[int(inode)] = int(number)
            else:
                kept = found.sizes.get(int(inode), 0)
                found.sizes[int(inode)] = min(kept, int(number))
        return found


@dataclass(frozen=True, slots=True)
class Loss:
    """How much one power loss took away."""

    bytes: int
    names: int  # that were lost
    returned: int  # names that had been removed, and are back


def lose_power(recorder: Recorder, draw: random.Random | None = None) -> Loss:
    """Rebuilds the folder, whose processes have all been killed, and records it as it is then.

    Without `draw` everything that was not synced is lost; with it, what is lost is drawn.
    """
    text = recorder.journal.read_text(encoding="utf-8") if recorder.journal.exists() else ""
    durable = Durable.read(text.splitlines())
    rebuilt = recorder.shadow.parent / "rebuilt"
    shutil.rmtree(rebuilt, ignore_errors=True)
    losing = _Losing(durable, _found(recorder), draw)
    losing.build(recorder.root, rebuilt)
    _empty(recorder.shadow)
    gone = recorder.shadow.parent / "gone"
    recorder.root.rename(gone)
    rebuilt.rename(recorder.root)
    shutil.rmtree(gone)
    recorder.journal.write_text("".join(_as_it_is(recorder.root)), encoding="utf-8")
    return Loss(losing.bytes, losing.names, losing.returned)


class _Losing:
    def __init__(
        self, durable: Durable, files: dict[int, Path], draw: random.Random | None
    ) -> None:
        self._durable = durable
        self._files = files
        self._draw = draw
        self.bytes = self.names = self.returned = 0

    def build(self, folder: Path, target: Path) -> None:
        target.mkdir(mode=0o700)
        about = folder.stat()
        for name, inode in sorted(self._kept(about.st_ino, _listed(folder)).items()):
            source = self._files[inode]
            if source.is_dir():
                self.build(source, target / name)
            else:
                self._keep(source, target / name)

    def _kept(self, inode: int, now: Entries) -> Entries:
        """The entries that are there afterwards."""
        before = self._durable.folders.get(inode, {})
        kept: Entries = {}
        for name in sorted(before.keys() | now.keys()):
            chosen = before.get(name)
            if chosen != now.get(name) and self._draw and self._draw.random() < 0.5:
                chosen = now.get(name)
            # A folder that was removed stays so: what had been in it is not known.
            if chosen is not None and chosen in self._files:
                kept[name] = chosen
        self.names += len(now.keys() - kept.keys())
        self.returned += len(kept.keys() - now.keys())
        return kept

    def _keep(self, source: Path, target: Path) -> None:
        """The very file under its name, cut. A second name of it finds it cut already."""
        about = source.lstat()
        size = about.st_size
        least = min(self._durable.sizes.get(about.st_ino, 0), size)
        kept = (
            self._draw.choice((least, size, self._draw.randint(least, size)))
            if self._draw
            else least
        )
        os.link(source, target)
        if stat.S_ISREG(about.st_mode) and kept < size:
            self.bytes += size - kept
            os.truncate(target, kept)
        self._durable.sizes[about.st_ino] = kept


def _entries(rest: Iterator[str], number: int) -> Entries:
    found: Entries = {}
    for _ in range(number):
        inode, _, name = next(rest).partition(" ")
        found[name] = int(inode)
    return found


def _listed(folder: Path) -> Entries:
    return {path.name: path.lstat().st_ino for path in folder.iterdir()}


def _found(recorder: Recorder) -> dict[int, Path]:
    """Where each inode is to be had: in the folder, or else below the shadow folder."""
    found = {path.lstat().st_ino: path for path in recorder.shadow.iterdir()}
    found |= {path.lstat().st_ino: path for path in recorder.root.rglob("*")}
    return found


def _as_it_is(folder: Path) -> Iterator[str]:
    """The journal of a folder that is on the disk wholly."""
    now = _listed(folder)
    lines = "".join(f"{inode} {name}\n" for name, inode in now.items())
    yield f"D {folder.stat().st_ino} {len(now)}\n{lines}"
    for path in folder.iterdir():
        if path.is_dir():
            yield from _as_it_is(path)
        else:
            yield f"F {path.lstat().st_ino} {path.lstat().st_size}\n"


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
