"""A writer of the history killed between and within commits and compactions."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from cip.history.query import connect
from cip.history.table import HistoryTable
from tests.factories import tenant
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
ACME = tenant().id
ROWS = 20
KILLS = 6
# Appends from where the history ends, with the next position as the event's id, and compacts all
# the while, until it is killed. Says a line a commit.
_WRITER = f"""
import sys, threading
from datetime import UTC, datetime
import pyarrow as pa
from cip.history.table import SCHEMA, HistoryTable

table = HistoryTable(sys.argv[1], "acme")
table.ensure()
now = datetime.now(UTC)

def rows(first):
    fixed = {{"customer_id": "c", "type": "t", "occurred_at": now, "channel": "web",
             "properties": "{{}}", "received_at": now}}
    made = [{{**dict.fromkeys(SCHEMA.names), **fixed, "event_id": str(n), "position": n}}
            for n in range(first, first + {ROWS})]
    return pa.Table.from_pylist(made, schema=SCHEMA)

def compact():
    while True:
        table.compact(above_files=8)

threading.Thread(target=compact, daemon=True).start()
while True:
    again = max(table.stream_position() + 1 - {ROWS} // 2, 0)  # half of it is there already
    table.append_stream(rows(again), again + {ROWS} - 1)
    print(again, flush=True)
"""


def test_a_killed_writer_leaves_every_row_once_and_a_table_that_goes_on(tmp_path: Path) -> None:
    draw = random.Random(4)
    table = HistoryTable(str(tmp_path), ACME)
    reached = -1
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(draw.randrange(1, 12)):
                assert writer.stdout.readline(), "the writer ended by itself"
            writer.kill()
        wait_until(table.exists, 5)
        position = table.stream_position()
        assert position > reached
        reached = position
        with connect(table) as history:
            found = history.execute(
                "SELECT count(*), count(DISTINCT position), max(position) FROM events"
            ).fetchone()
        assert found == (position + 1, position + 1, position)
