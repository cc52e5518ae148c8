"""The proof that nothing acknowledged is lost or doubled: load, faults, and then the count.

`python -m tests.faults.proof --kills-each 100 --valkey 30 --power 30 --stalls 12 --failpoints 3
--seed 7` is the long form of the test.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cip.domain.permissions import Permission
from cip.domain.tenants import TenantId
from cip.failpoints import POINTS
from cip.services import make_services
from cip.store import embedded
from cip.store.client import connect_for_writes
from cip.store.queue import REFRESH_DUE, JobQueue
from tests.factories import KEYS
from tests.faults.diverting import Diversion
from tests.faults.flow import Flow
from tests.faults.judging import judge
from tests.faults.killing import Killer
from tests.faults.load import Load, answered
from tests.faults.plan import Plan, Report, table
from tests.faults.points import Points
from tests.faults.power import PowerCutter
from tests.faults.processes import Running, end, start
from tests.faults.proxy import Proxy
from tests.faults.stalling import Staller
from tests.faults.steps import Steps
from tests.faults.troubling import troubled
from tests.powerloss.recorder import Recorder, missing
from tests.waiting import wait_until

TENANT: Final = "acme"
ANSWER_SECONDS: Final = 120.0  # a computation whose worker was killed is given up after 30 s


def prove(
    folder: Path,
    plan: Plan,
    *,
    port: int,
    seed: int,
    more: dict[str, str] | None = None,
    judged: Callable[[Report], None] = lambda _report: None,
) -> Report:
    """Runs the whole of it on a platform in `folder`. It ends after the first round whose verdict
    is not sound; what went wrong besides is among the ledger's faults."""
    report = Report(seed, power_skipped=missing() if plan.power else "")
    with ExitStack() as stack:
        running, recorder, proxies = _platform(stack, folder, port, more or {})
        tenant, key = _tenant(running)
        flow = Flow(running, tenant, key, Load((proxies[0].port, port), key, seed))
        report.ledger = flow.load.ledger
        steps = Steps(flow)
        points = Points(flow, folder / "points", random.Random(f"{seed}/points"), steps.provoke)
        points.slow, points.struck = plan.slow_points, report.struck
        stack.enter_context(points.awake())
        one_round = _Round(flow, plan, report, recorder, points)
        try:
            for place in range(plan.rounds):
                with _loaded(flow), troubled(proxies, random.Random(f"{seed}/{place}/wires")):
                    one_round.run(place, random.Random(f"{seed}/{place}"))
                report.wires = proxies[0].seen + proxies[1].seen
                _judge(flow, steps, report)
                flow.say(f"round {place + 1} of {plan.rounds}: {report.verdicts[-1]}")
                judged(report)
                if not report.sound:
                    return report
            _ends_well(running, port, key)
        except AssertionError as error:
            report.ledger.wrong(f"it ended early: {error}")
            judged(report)
    return report


def _judge(flow: Flow, steps: Steps, report: Report) -> None:
    steps.settle()
    report.verdicts.append(judge(flow))
    report.ledger.faults += steps.faults()
    report.erased, report.replayed = len(steps.erased), steps.replayed
    report.seconds = time.monotonic() - flow.begun


def _ends_well(running: Running, port: int, key: str) -> None:
    _jobs_work(running, port, key)
    assert running.stop() == 0, running.output()
    wait_until(lambda: not running.everyone(), 30, "nobody left behind")


@dataclass
class _Round:
    """What one round needs of the proof."""

    flow: Flow
    plan: Plan
    report: Report
    recorder: Recorder | None
    points: Points

    def run(self, place: int, draw: random.Random) -> None:
        flow, plan, report = self.flow, self.plan, self.report
        killer = Killer(flow, draw, report.kills)
        killer.run(plan.kills(place), recover_every=plan.recover_every)
        names = plan.points_of(place)
        draw.shuffle(names)
        for first in range(0, len(names), plan.together):
            self.points.tend()
            self.points.run(names[first : first + plan.together])
        Staller(flow, draw, report.stalls).run(plan.stalls_of(place))
        self.points.tend()
        if self.recorder is not None:
            cutter = PowerCutter(flow, self.recorder, draw, report.cuts)
            cutter.run(plan.power_of(place))
        self.points.tend()
        if place == plan.rounds - 1:
            self.points.finish()
        flow.goes_on()


def _platform(
    stack: ExitStack, folder: Path, port: int, more: dict[str, str]
) -> tuple[Running, Recorder | None, tuple[Proxy, Proxy]]:
    """A platform whose server is behind a proxy, and a proxy in front of its web server."""
    home = folder / "home"
    (folder / "points").mkdir(parents=True, exist_ok=True)
    recorder = None if missing() else Recorder.of(home, folder / "disk")
    server = stack.enter_context(Proxy(0))
    diversion = Diversion(home, server)
    stack.enter_context(diversion.held())
    environ = {
        **(recorder.environment if recorder else {}),
        "CIP_FAILPOINTS": str(folder / "points"),
        **more,
    }
    running = start(home, port, environ)
    stack.callback(end, running)
    running.diversion = diversion
    return running, recorder, (stack.enter_context(Proxy(port)), server)


@contextmanager
def _loaded(flow: Flow) -> Iterator[None]:
    flow.load.start()
    try:
        flow.goes_on()
        yield
    finally:
        flow.load.stop()


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("kills-each", 5),
        ("valkey", 5),
        ("power", 2),
        ("stalls", 4),
        ("failpoints", 1),
        ("rounds", 6),
        ("seed", 1),
        ("port", 0),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--points", default="", help="only these, separated by commas")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="proof"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    target = options.json or folder / "proof.json"
    report = prove(
        folder,
        Plan(
            kills_each=options.kills_each,
            valkey=options.valkey,
            power=options.power,
            stalls=options.stalls,
            times=options.failpoints,
            points=tuple(filter(None, options.points.split(","))) or tuple(sorted(POINTS)),
            rounds=options.rounds,
        ),
        port=options.port or embedded.free_port(),
        seed=options.seed,
        judged=lambda found: _write(target, found),
    )
    sys.stdout.write(f"{table(report)}\n\n{target}\n")
    sys.exit(0 if report.sound and not report.ledger.faults else 1)


def _write(target: Path, report: Report) -> None:
    target.write_text(json.dumps(report.as_json(), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
