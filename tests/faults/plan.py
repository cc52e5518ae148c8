"""How many faults of which kind a proof makes, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cip.failpoints import POINTS
from tests.faults.judging import Verdict
from tests.faults.killing import Kill
from tests.faults.load import Ledger
from tests.faults.points import SLOW
from tests.faults.power import Cut
from tests.faults.stalling import KINDS as STALLS
from tests.faults.stalling import Stall


@dataclass(frozen=True, slots=True)
class Plan:
    """`points`: which of the named moments are struck, each `times` times. Of so many kills one
    waits for the recovery. The faults are spread over the rounds, each of which ends with a
    verdict."""

    kills_each: int
    valkey: int
    power: int
    stalls: int
    times: int
    points: Sequence[str] = tuple(sorted(POINTS))
    recover_every: int = 12
    rounds: int = 1
    together: int = 4  # points that are struck in one go

    def kills(self, place: int) -> dict[str, int]:
        each = self._share(self.kills_each, place)
        return {
            "ingest": each,
            "jobs": each,
            "web": each,
            "valkey": self._share(self.valkey, place),
        }

    def power_of(self, place: int) -> int:
        return self._share(self.power, place)

    def stalls_of(self, place: int) -> list[str]:
        before = sum(self._share(self.stalls, earlier) for earlier in range(place))
        own = self._share(self.stalls, place)
        return [STALLS[(before + number) % len(STALLS)] for number in range(own)]

    @property
    def slow_points(self) -> Counter[str]:
        """Those for which nobody waits in a round."""
        return Counter({name: self.times for name in self.points if name in SLOW})

    def points_of(self, place: int) -> list[str]:
        """Every n-th of all of them: a point comes back as late as possible."""
        every = [name for _ in range(self.times) for name in self.points if name not in SLOW]
        before = sum(self._share(len(every), earlier) for earlier in range(place))
        return every[before : before + self._share(len(every), place)]

    def _share(self, number: int, place: int) -> int:
        return number // self.rounds + (place < number % self.rounds)


@dataclass(slots=True)
class Report:
    """What was done and what was found."""

    seed: int
    seconds: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    wires: Counter[str] = field(default_factory=Counter)
    erased: int = 0
    replayed: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    power_skipped: str = ""

    @property
    def sound(self) -> bool:
        return bool(self.verdicts) and all(one.sound for one in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        ledger = self.ledger
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "sound": self.sound and not ledger.faults,
            "kills": Counter(kill.kind for kill in self.kills),
            "kills_by_role": Counter(kill.role for kill in self.kills),
            "recovery": self.recovery(),
            "power_losses": len(self.cuts),
            "power_skipped": self.power_skipped,
            "stalls": Counter(stall.kind for stall in self.stalls),
            "failpoints": self.struck,
            "wires": self.wires,
            "customers_erased": self.erased,
            "letters_replayed": self.replayed,
            "requests": ledger.tries,
            "answers": ledger.answered,
            "failed_requests": ledger.failures,
            "insights": ledger.insights,
            "faults": ledger.faults,
            "verdicts": [asdict(one) for one in self.verdicts],
        }

    def recovery(self) -> dict[str, tuple[int, float, float]]:
        """By kind of fault: how many were timed, the median and the longest, in seconds."""
        took: dict[str, list[float]] = {}
        for kill in self.kills:
            if kill.seconds is not None:
                took.setdefault(f"kill {kill.role}", []).append(kill.seconds)
        for stall in self.stalls:
            took.setdefault(f"stall {stall.kind}", []).append(stall.recovered)
        for cut in self.cuts:
            took.setdefault("power loss", []).append(cut.recovered)
        return {name: _middle(seconds) for name, seconds in sorted(took.items())}


def table(report: Report) -> str:
    """The report for people."""
    ledger = report.ledger
    lines = [f"{'fault':<32}{'times':>6}"]
    lines += _counts("kill of ", Counter(kill.kind for kill in report.kills))
    lines += _counts("stall of ", Counter(stall.kind for stall in report.stalls))
    lines.append(f"{'power loss':<32}{len(report.cuts):>6}  {report.power_skipped}".rstrip())
    lines += _counts("failpoint ", report.struck)
    lines += _counts("wire: ", report.wires)
    lines += _counts("", Counter(erased=report.erased, replayed=report.replayed))
    lines.append(f"\n{'recovered in (s)':<32}{'timed':>6}{'median':>8}{'longest':>9}")
    for name, (number, median, longest) in report.recovery().items():
        lines.append(f"{name:<32}{number:>6}{median:>8.1f}{longest:>9.1f}")
    failed = ", ".join(f"{number} {why}" for why, number in sorted(ledger.failures.items()))
    lines += [
        "",
        (
            f"{report.seconds:.0f} s, seed {report.seed}; {ledger.tries:,} requests, of which "
            f"failed and were repeated: {failed or 'none'}; "
            f"{ledger.answered['duplicates']:,} duplicates sent; "
            f"{ledger.insights} insights answered"
        ),
    ]
    lines += [line for last in report.verdicts[-1:] for line in _words(last)]
    sound = sum(one.sound for one in report.verdicts)
    lines.append(f"{sound} of {len(report.verdicts)} verdicts sound")
    lines += [f"that may not be: {fault}" for fault in ledger.faults[:5]]
    return "\n".join(lines)


def _words(last: Verdict) -> Sequence[str]:
    return (
        (
            f"acknowledged {last.acknowledged:,}, stored {last.stored:,}, "
            f"counted {last.counted:,}; lost {last.lost}, doubled {last.doubled}, "
            f"unaccounted {last.unaccounted}, sums of money that differ {last.amounts_differ}, "
            f"unexpected dead letters {last.dead_letters}"
        ),
        f"{last.compared:,} counters compared with a recount: difference {last.difference}",
    )


def _counts(what: str, numbers: Counter[str]) -> Iterable[str]:
    return [f"{what + name:<32}{number:>6}" for name, number in sorted(numbers.items())]


def _middle(seconds: list[float]) -> tuple[int, float, float]:
    ordered = sorted(seconds)
    return len(ordered), round(ordered[len(ordered) // 2], 2), round(ordered[-1], 2)
