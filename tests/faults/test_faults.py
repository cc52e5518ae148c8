"""The short form of the proof: kills, stalls, struck moments, trouble on the wires and power
losses under load. Every acknowledged event is kept once, and the counters equal a recount."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from cip.store import embedded
from tests.faults.plan import Plan, table
from tests.faults.proof import prove
from tests.powerloss.recorder import missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel for orphans"),
]
PLAN = Plan(
    kills_each=3,
    valkey=2,
    power=2,
    stalls=2,
    times=1,
    points=(
        "accept.after_append",
        "live.after_apply",
        "history.after_commit",
        "replay.after",
        "rebuild.after_swap",
    ),
    recover_every=11,
    together=5,
)
SEED = 20


def test_faults_under_load_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = prove(tmp_path, PLAN, port=embedded.free_port(), seed=SEED)
    with capsys.disabled():
        sys.stdout.write(f"\n{table(report)}\n")
    kills = Counter(kill.kind for kill in report.kills)
    assert kills == {"ingest": 3, "jobs": 3, "web": 3, "valkey": 2}
    assert report.struck == dict.fromkeys(PLAN.points, 1)
    assert len(report.stalls) == PLAN.stalls
    assert set(report.wires) == {"cut", "delayed", "answer lost"}
    assert report.replayed >= 1
    assert report.ledger.answered["duplicates"] > 0
    assert report.ledger.insights > 0
    assert report.ledger.faults == []
    assert report.sound, report.verdicts
    if missing():
        pytest.skip(f"no power was lost: {missing()}")
    assert len(report.cuts) == PLAN.power
