"""Twenty kills under load: every acknowledged event is kept once, and the counters are right."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from cip.store import embedded
from tests.faults.killing import KINDS
from tests.faults.proof import prove, sound, table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel for orphans"),
]
KILLS = 20
SEED = 20


def test_kills_under_load_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict, kills, ledger = prove(tmp_path, port=embedded.free_port(), kills=KILLS, seed=SEED)
    with capsys.disabled():
        sys.stdout.write(f"\n{table(verdict, kills, ledger)}\n")
    assert Counter(kill.kind for kill in kills) == dict.fromkeys(KINDS, KILLS // len(KINDS))
    assert sound(verdict), verdict
    assert ledger.answers > 0
    assert not ledger.faults
