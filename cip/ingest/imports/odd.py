"""The few values that no pattern reads at a glance, each judged once by the event parser itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import duckdb
from duckdb.func import SPECIAL

from cip.domain.errors import CipError
from cip.domain.events import Event, EventRejectedError, parse_event
from cip.domain.tenants import Tenant
from cip.ingest.imports.money import to_minor

# Times of which a look at the digits tells all; earlier years than `zone_days` has are odd.
PLAIN_WALL: Final = (
    r"(19[7-9][0-9]|20[0-9][0-9])-[0-9]{2}-[0-9]{2}"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?)?"
)
PLAIN_TIME: Final = (
    r"(19[7-9][0-9]|20[0-9][0-9])-[0-9]{2}-[0-9]{2}"
    r"[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:[0-5][0-9])?)"
)
# Printable without a look: ASCII, and blocks in which every character is a visible one.
_VISIBLE: Final = (
    r"!-~\x{a1}-\x{ac}\x{ae}-\x{377}\x{400}-\x{52f}\x{3041}-\x{3096}\x{30a1}-\x{30ff}"
    r"\x{4e00}-\x{9fa5}\x{ac00}-\x{d7a3}"
)
PLAIN_TEXT: Final = rf"[{_VISIBLE}]([{_VISIBLE} ]*[{_VISIBLE}])?"
# More digits than the largest amount has in minor units need no pattern of their own.
_LARGEST_DIGITS: Final = 13
_REMEMBERED: Final = 100_000
_BLANK: Final = {"event_id": "x", "customer_id": "x", "type": "x"}


@dataclass(frozen=True, slots=True)
class MoneyRule:
    """How amounts are given: with `digits` decimals to come, or `whole` in minor units."""

    digits: int
    whole: bool

    @property
    def plain(self) -> str:
        """Amounts that a DECIMAL(18) holds, scaled as well."""
        decimals = "0" if self.whole else "[0-9]"
        return rf"[+-]?[0-9]{{1,{_LARGEST_DIGITS - self.digits}}}([.]{decimals}{{0,9}})?"


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks the event parser about one value at a time."""

    tenant: Tenant
    now: datetime
    money: MoneyRule

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """The questions as SQL functions; what was asked before is remembered for a while."""
        questions: tuple[tuple[str, Callable[[str], Any], str], ...] = (
            ("odd_time", self.time, "VARCHAR"),
            ("odd_text", self.is_unfit, "BOOLEAN"),
            ("odd_amount", self.amount, "BIGINT"),
        )
        for name, question, answer in questions:
            remembering = lru_cache(_REMEMBERED)(question)
            connection.create_function(
                name, remembering, ["VARCHAR"], answer, null_handling=SPECIAL
            )
        connection.create_function("fits", self.fits, ["VARCHAR"], "BOOLEAN")

    def time(self, text: str) -> str:
        """Microseconds, or the code of the refusal."""
        outcome = self._outcome({**_BLANK, "occurred_at": text})
        return str(outcome.occurred_at_us) if isinstance(outcome, Event) else outcome.code

    def amount(self, text: str) -> int | None:
        return to_minor(text, self.money.digits, whole=self.money.whole)

    def is_unfit(self, text: str) -> bool:
        outcome = self._outcome(
            {**_BLANK, "customer_id": text, "occurred_at": self.now.isoformat()}
        )
        return not isinstance(outcome, Event)

    def fits(self, properties: str) -> bool:
        """Whether the properties stay below the size limit; other faults are not looked at."""
        raw = {
            **_BLANK,
            "occurred_at": self.now.isoformat(),
            "properties": json.loads(properties),
        }
        outcome = self._outcome(raw)
        return isinstance(outcome, Event) or outcome.code != "too_large"

    def _outcome(self, raw: dict[str, Any]) -> Event | CipError:
        try:
            return parse_event(raw, tenant=self.tenant, now=self.now)
        except EventRejectedError as error:
            return error
