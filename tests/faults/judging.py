"""The ledger against the platform: what was acknowledged, what is stored, what is counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cip.history.query import connect as connect_history
from cip.history.table import HistoryTable
from cip.ingest.verify import Verification, verify
from cip.store import keys
from cip.store.client import connect_for_writes
from cip.store.streams import GROUPS, EventStream
from tests.faults.flow import Flow
from tests.faults.load import Ledger
from tests.waiting import wait_until

DRAIN_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. All of it but the first four figures must be zero."""

    acknowledged: int
    stored: int
    counted: int  # by the live counters
    compared: int  # counters, with a recount
    lost: int
    doubled: int
    unaccounted: int  # stored, but never sent
    amounts_differ: int
    difference: int  # of the live counters from a recount, summed up
    dead_letters: int  # beyond those that were meant to be
    history_faults: int  # as the operators' own check finds them

    @property
    def sound(self) -> bool:
        """Every acknowledged event once, and nothing else."""
        return self.acknowledged == self.stored == self.counted > 0 and not any(
            (
                self.lost,
                self.doubled,
                self.unaccounted,
                self.amounts_differ,
                self.difference,
                self.dead_letters,
                self.history_faults,
            )
        )


def judge(flow: Flow, letters: int = 0) -> Verdict:
    """The load rests. `letters`: how many dead letters there should be."""
    ledger, tenant, root = flow.load.ledger, flow.tenant, flow.running.history_root
    with connect_for_writes(flow.running.redis_url, timeout_seconds=30.0) as client:
        stream = EventStream(client, tenant)
        for group in GROUPS:
            wait_until(
                lambda name=group: stream.backlog(name) == 0,  # type: ignore[misc]
                DRAIN_SECONDS,
                f"{group} drained",
            )
        buried = int(client.xlen(keys.dead_letters(tenant)))
        counters = verify(client, root, tenant, lambda: datetime.now(UTC))
    with connect_history(HistoryTable(root, tenant)) as history:
        ids = [row[0] for row in history.execute("SELECT event_id FROM events").fetchall()]
        amounts = dict(
            history.execute("SELECT type, sum(amount_minor) FROM events GROUP BY 1").fetchall()
        )
    return _verdict(ledger, ids, amounts, counters, buried - letters)


def _verdict(
    ledger: Ledger,
    ids: list[str],
    amounts: dict[str, int],
    counters: Verification,
    letters: int,
) -> Verdict:
    stored = set(ids)
    differ = [
        kind for kind, amount in ledger.amounts.items() if int(amounts.get(kind) or 0) != amount
    ]
    return Verdict(
        acknowledged=len(ledger.acknowledged),
        stored=len(ids),
        counted=counters.events,
        compared=counters.compared,
        lost=len(ledger.acknowledged - stored),
        doubled=len(ids) - len(stored),
        unaccounted=len(stored - ledger.acknowledged),
        amounts_differ=len(differ),
        difference=counters.total_difference,
        dead_letters=letters,
        history_faults=(
            counters.repeated_event_ids + counters.repeated_positions + counters.group_ahead
        ),
    )
