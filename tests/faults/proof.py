"""The proof that nothing acknowledged is lost or doubled: load, kills, and then the count.

`python -m tests.faults.proof --kills 200 --seed 7` is the long form of the test.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cip.domain.permissions import Permission
from cip.domain.tenants import TenantId
from cip.history.query import connect as connect_history
from cip.history.table import HistoryTable
from cip.services import make_services
from cip.store import embedded, keys
from cip.store.client import connect_for_writes
from cip.store.queue import REFRESH_DUE, JobQueue
from cip.store.streams import GROUPS, EventStream
from tests.factories import KEYS
from tests.faults.killing import Kill, Killer
from tests.faults.load import Ledger, Load, answered
from tests.faults.processes import Running, end, start
from tests.recounting import counters_equal_history
from tests.waiting import wait_until

TENANT: Final = "acme"
DRAIN_SECONDS: Final = 90.0
ANSWER_SECONDS: Final = 75.0  # a computation whose worker was killed is given up after 30 s


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found at the end. All of it but the first three figures must be zero."""

    acknowledged: int
    stored: int
    seconds: float
    lost: int
    doubled: int
    unaccounted: int  # stored, but never sent
    dead_letters: int
    amounts_differ: int


def prove(folder: Path, *, port: int, kills: int, seed: int) -> tuple[Verdict, list[Kill], Ledger]:
    """Runs the whole of it on a platform in `folder`; asserts what no figure tells."""
    running = start(folder / "home", port)
    try:
        tenant, key = _tenant(running)
        load = Load(port, key, seed)
        killer = Killer(running, tenant, load, seed)
        begun = time.monotonic()
        load.start()
        try:
            killer.recovered()  # the flow has begun
            killer.run(kills)
        finally:
            load.stop()
        seconds = time.monotonic() - begun
        _jobs_work(running, port, key)
        verdict = _judge(running, tenant, load.ledger, seconds)
        if sound(verdict):  # else its figures say more
            with connect_for_writes(running.redis_url, timeout_seconds=5.0) as client:
                counters_equal_history(client, running.history_root, tenant, datetime.now(UTC))
        assert running.stop() == 0, running.output()
        wait_until(lambda: not running.everyone(), 15, "nobody left behind")
    finally:
        end(running)
    return verdict, killer.kills, load.ledger


def table(verdict: Verdict, kills: Sequence[Kill], ledger: Ledger) -> str:
    """A short table for people."""
    lines = [f"{'killed':<24}{'times':>6}{'recovered in (s): median':>27}{'longest':>9}"]
    for role in sorted({kill.role for kill in kills}):
        own = [kill for kill in kills if kill.role == role]
        took = sorted(kill.seconds for kill in own if kill.seconds is not None)
        middle, longest = (f"{took[len(took) // 2]:.1f}", f"{took[-1]:.1f}") if took else ("-", "-")
        lines.append(f"{role:<24}{len(own):>6}{middle:>27}{longest:>9}")
    kinds = Counter(kill.kind for kill in kills)
    by_kind = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    at_once = sum(kill.seconds is None for kill in kills)
    failed = ", ".join(f"{number} {why}" for why, number in sorted(ledger.failures.items()))
    lines.append(
        f"{len(kills)} kills ({by_kind}) in {verdict.seconds:.0f} s; {at_once} of them were "
        "followed by the next at once"
    )
    lines.append(
        f"{ledger.tries:,} requests, failed and repeated: {failed or 'none'}; "
        f"{ledger.answers} insights answered"
    )
    lines.append(
        f"{verdict.acknowledged:,} events acknowledged, {verdict.stored:,} stored: "
        f"lost {verdict.lost}, doubled {verdict.doubled}, unaccounted {verdict.unaccounted}, "
        f"dead letters {verdict.dead_letters}"
        + ("; live counters equal a recount" if sound(verdict) else "")
    )
    lines += [f"an answer that may not be given: {fault}" for fault in ledger.faults[:5]]
    return "\n".join(lines)


def _tenant(running: Running) -> tuple[TenantId, str]:
    services = make_services(running.redis_url, running.redis_url, KEYS)
    made = services.accounts.create_tenant(TENANT, title=None, currency="EUR", timezone="UTC")
    scopes = frozenset({Permission.EVENTS_WRITE, Permission.ANALYTICS_VIEW})
    _, text = services.accounts.create_key(made.id, "load", scopes)
    services.resources.reads.close()
    services.resources.writes.close()
    return made.id, text


def _jobs_work(running: Running, port: int, key: str) -> None:
    """Questions nobody has asked before are answered, each by a job; the other queue moves."""
    for days in (11, 12, 13):
        query = {"period": {"last": f"{days}d"}}
        wait_until(
            lambda asked=query: answered(port, key, "kpis", asked),  # type: ignore[misc]
            ANSWER_SECONDS,
            f"kpis of {days} days",
        )
    JobQueue(running.redis_url).enqueue(REFRESH_DUE, [], "heavy")
    with connect_for_writes(running.redis_url) as client:
        wait_until(lambda: client.llen("jobs:heavy") == 0, ANSWER_SECONDS, "heavy queue")


def _judge(running: Running, tenant: TenantId, ledger: Ledger, seconds: float) -> Verdict:
    with connect_for_writes(running.redis_url, timeout_seconds=5.0) as client:
        stream = EventStream(client, tenant)
        for group in GROUPS:
            wait_until(
                lambda name=group: stream.backlog(name) == 0,  # type: ignore[misc]
                DRAIN_SECONDS,
                f"{group} drained",
            )
        letters = int(client.xlen(keys.dead_letters(tenant)))
    with connect_history(HistoryTable(running.history_root, tenant)) as history:
        ids = [row[0] for row in history.execute("SELECT event_id FROM events").fetchall()]
        amounts = dict(
            history.execute("SELECT type, sum(amount_minor) FROM events GROUP BY 1").fetchall()
        )
    stored = set(ids)
    differ = [
        kind for kind, amount in ledger.amounts.items() if int(amounts.get(kind) or 0) != amount
    ]
    return Verdict(
        acknowledged=len(ledger.acknowledged),
        stored=len(ids),
        seconds=seconds,
        lost=len(ledger.acknowledged - stored),
        doubled=len(ids) - len(stored),
        unaccounted=len(stored - ledger.acknowledged),
        dead_letters=letters,
        amounts_differ=len(differ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="proof"))
    folder.mkdir(parents=True, exist_ok=True)
    found = prove(
        folder,
        port=options.port or embedded.free_port(),
        kills=options.kills,
        seed=options.seed,
    )
    sys.stdout.write(table(*found) + "\n")
    sys.exit(0 if sound(found[0]) and not found[2].faults else 1)


def sound(verdict: Verdict) -> bool:
    """Every acknowledged event once, and nothing else."""
    return verdict.acknowledged == verdict.stored > 0 and not any(
        (
            verdict.lost,
            verdict.doubled,
            verdict.unaccounted,
            verdict.dead_letters,
            verdict.amounts_differ,
        )
    )


if __name__ == "__main__":
    main()
