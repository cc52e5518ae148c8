"""The history and the power cut: what a writer was told is kept stays, whatever else is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from cip.history.durability import torn_version
from cip.history.query import connect
from cip.history.table import SCHEMA, HistoryTable
from tests.factories import tenant
from tests.powerloss.losing import lose_power
from tests.powerloss.recorder import Recorder, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
]
ACME = tenant().id
ROWS = 20
CUTS = 5
MOST_CUTS = 20
# Appends from where the history ends, with the next position as the event's id, and compacts all
# the while, until it is killed between a commit and its sync. Says how far it is once that is kept.
_WRITER = f"""
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
import pyarrow as pa
from cip import failpoints
from cip.history import durability
from cip.history.table import SCHEMA, HistoryTable

if "careless" in sys.argv:
    durability.sync_versions = lambda table, first, last: None
    import cip.history.table
    cip.history.table.sync_versions = durability.sync_versions
failpoints.arm(Path(sys.argv[2]))
table = HistoryTable(sys.argv[1], "acme")
table.recover()
now = datetime.now(UTC)

def rows(first):
    fixed = {{"customer_id": "c", "type": "t", "occurred_at": now, "channel": "web",
             "properties": "{{}}", "received_at": now}}
    made = [{{**dict.fromkeys(SCHEMA.names), **fixed, "event_id": str(n), "position": n}}
            for n in range(first, first + {ROWS})]
    return pa.Table.from_pylist(made, schema=SCHEMA)

def compact():
    while True:
        table.compact(above_files=6)

threading.Thread(target=compact, daemon=True).start()
while True:
    first = table.stream_position() + 1
    table.append_stream(rows(first), first + {ROWS} - 1)
    print(first + {ROWS} - 1, flush=True)
"""


class History:
    """A history whose writers are recorded, and lose power."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.recorder = Recorder.of(folder / "root", folder / "disk")
        self.table = HistoryTable(str(self.recorder.root), ACME)
        self.points = folder / "points"
        self.points.mkdir()
        self.draw = random.Random(seed)
        self.torn = 0

    def write_and_lose(self, *more: str, at_most: int = 25) -> int:
        """The last position that a writer was told is kept, before the power went."""
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(self.recorder.root), str(self.points), *more],
            env={**os.environ, **self.recorder.environment},
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(self.draw.randrange(1, at_most)):
                said = writer.stdout.readline()
                assert said, "the writer ended by itself"
            (self.points / "draft").write_text("kill")
            (self.points / "draft").rename(self.points / "history.after_commit")
            said = [said, *writer.stdout.readlines()][-1]
        lose_power(self.recorder, self.draw)
        self.torn += torn_version(self.table.path) is not None
        return int(said)

    def position(self) -> int:
        """How far the history is, once each row was found to be there once."""
        self.table.recover()
        position = self.table.stream_position()
        with connect(self.table) as history:
            found = history.execute(
                "SELECT count(*), count(DISTINCT position), max(position) FROM events"
            ).fetchone()
        assert found == (position + 1, position + 1, position if position >= 0 else None)
        return position


def test_a_power_cut_takes_nothing_that_was_said_to_be_kept(tmp_path: Path) -> None:
    history = History(tmp_path, seed=11)
    cuts = 0
    while cuts < CUTS or not history.torn:
        kept = history.write_and_lose()
        assert history.position() >= kept > 0
        cuts += 1
        assert cuts < MOST_CUTS, "no cut has left a version in part: the test shows nothing"


def test_an_import_may_come_first_after_a_power_cut(tmp_path: Path) -> None:
    history = History(tmp_path, seed=12)
    for _ in range(MOST_CUTS):
        kept = history.write_and_lose()
        if history.torn:
            break
        assert history.position() >= kept
    assert history.torn, "no cut has left a version in part: the test shows nothing"
    writer = HistoryTable(str(history.recorder.root), ACME)
    now = datetime.now(UTC)
    fields = {"event_id": "i", "customer_id": "c", "type": "t", "occurred_at": now}
    fields |= {"channel": "web", "properties": "{}", "received_at": now, "import_id": "one"}
    made = pa.Table.from_pylist([dict.fromkeys(SCHEMA.names) | fields], schema=SCHEMA)
    assert writer.append_import(made, "one") == 1
    history.table.recover(acknowledged=kept)
    assert history.table.has_import("one")
    assert history.table.delete_import("one") == 1
    assert history.position() >= kept


def test_without_the_syncs_the_same_test_loses_events(tmp_path: Path) -> None:
    history = History(tmp_path, seed=11)
    lost = 0
    for _ in range(2):
        kept = history.write_and_lose("careless")
        history.table.recover()
        lost += max(kept - history.table.stream_position(), 0)
    assert lost > 0
