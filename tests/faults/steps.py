"""Makes happen what does not come by itself: poison and its replay, rebuilds, erasures, jobs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import orjson

from cip.domain.dead_letters import Letter
from cip.domain.events import microseconds
from cip.history.query import connect
from cip.history.table import HistoryTable
from cip.store import keys
from cip.store.client import Redis
from cip.store.dead_letters import DeadLetters
from cip.store.erasures import Erasures
from tests.faults.flow import RECOVERY_SECONDS, Flow
from tests.faults.load import Client
from tests.waiting import wait_until

_COMMAND_SECONDS: Final = 180.0
_ERASE_AGAIN_SECONDS: Final = 15.0
_EVENTS: Final = 5
_KIND: Final = "page.viewed"


@dataclass
class Steps:
    """Each may be called again and again until what was waited for has come."""

    flow: Flow
    numbers: count[int] = field(default_factory=count)
    erased: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # customer → its events
    replayed: int = 0
    _erased_at: float = -_ERASE_AGAIN_SECONDS

    @property
    def provoke(self) -> Mapping[str, Callable[[], None]]:
        """By the first word of a point's name."""
        return {
            "letters": self.poison,
            "replay": self.replay,
            "rebuild": self.rebuild,
            "erase": self.erase,
            "job": self.ask,
        }

    def poison(self) -> None:
        """An entry in the stream that no consumer can read."""
        now_us = microseconds(datetime.now(UTC))
        entry = [f"p{next(self.numbers)}", "", _KIND, now_us, "web", {}, now_us]
        name = keys.events(self.flow.tenant)
        self.flow.ask(lambda client: client.xadd(name, {"e": orjson.dumps(entry)}))

    def replay(self) -> None:
        """Sends a letter again, with what was wrong put right."""
        letters = self._letters()
        if not letters:
            self.poison()
            wait_until(self._letters, RECOVERY_SECONDS, "a dead letter")
            letters = self._letters()
        letter = letters[0]
        event = {**(letter.event or {}), "customer_id": "c1"}
        path = self.flow.running.home.parent / "letter.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        self._run("dead-letters", "replay", letter.id, "--file", str(path))
        if all(other.id != letter.id for other in self._letters()):
            self.replayed += 1
            self.flow.load.ledger.acknowledge([event])

    def rebuild(self) -> None:
        self._run("rebuild", "live")

    def ask(self) -> None:
        """A question nobody has asked before, which a job computes."""
        query = {"period": {"last": f"{20 + next(self.numbers)}d"}}
        with closing(Client(self.flow.running.port, self.flow.key)) as client:
            client.post("/api/v1/insights/kpis?wait=1", query)

    def erase(self) -> None:
        """A customer with some events is erased; asked for again while nothing comes of it."""
        if time.monotonic() - self._erased_at < _ERASE_AGAIN_SECONDS:
            return
        customer = f"erased{next(self.numbers)}"
        now = datetime.now(UTC).isoformat()
        events = [
            {"event_id": f"{customer}.{place}", "customer_id": customer, "type": _KIND}
            | {"occurred_at": now, "channel": "web", "properties": {}}
            for place in range(_EVENTS)
        ]
        if self._post(events)[0] != 202:
            return
        self.erased[customer] = events
        # One that was struck may have been heard or not.
        while self._run("customer", "erase", customer) != 0:
            self.flow.say(f"erasing {customer} again")
        self._erased_at = time.monotonic()

    def settle(self) -> None:
        """Everything that was begun is finished: no letter is left, and nobody to be erased."""
        while self._letters():
            self.replay()
        if self.erased:
            wait_until(self._all_erased, RECOVERY_SECONDS, "the erasures done")

    def faults(self) -> list[str]:
        """What is left of erased customers, or is taken of them again. They occurred before."""
        found = []
        with connect(HistoryTable(self.flow.running.history_root, self.flow.tenant)) as history:
            query = "SELECT count(*) FROM events WHERE customer_id LIKE 'erased%'"
            if (history.execute(query).fetchone() or (0,))[0]:
                found.append("the history has events of erased customers")
        for customer, events in self.erased.items():
            status, text = self._post(events)
            codes = {one["code"] for one in json.loads(text)["rejected"]} if status == 202 else {}
            if codes != {"erased"}:
                found.append(f"an event of {customer} was answered {status} {text}")
        return found

    def _post(self, events: list[dict[str, Any]]) -> tuple[int, str]:
        with closing(Client(self.flow.running.port, self.flow.key)) as client:
            return client.post("/api/v1/events", {"events": events})

    def _letters(self) -> list[Letter]:
        def read(client: Redis) -> list[Letter]:
            return list(DeadLetters(client, self.flow.tenant).all())

        return self.flow.ask(read) or []

    def _all_erased(self) -> bool:
        def states(client: Redis) -> list[str]:
            return [one.state for one in Erasures(client, self.flow.tenant).all()]

        found = self.flow.ask(states)
        return bool(found) and "requested" not in found

    def _run(self, *arguments: str) -> int:
        process = self.flow.running.command(*arguments, "--tenant", self.flow.tenant)
        try:
            return process.wait(_COMMAND_SECONDS)
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.kill()
                process.wait(1.0)
