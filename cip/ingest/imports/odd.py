"""The few values that no pattern reads at a glance, each judged once by the event parser itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb
import pyarrow as pa

from cip.domain.errors import CipError
from cip.domain.events import MAX_ID_CHARACTERS, Event, EventRejectedError, parse_event
from cip.domain.tenants import Tenant
from cip.ingest.imports.money import to_minor

# Times of which a look at the digits tells all, of years that are never too early.
PLAIN_TIME: Final = (
    r"(18[89][0-9]|19[0-9][0-9]|20[0-9][0-9])-[0-9]{2}-[0-9]{2}"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:[0-5][0-9])?)?)?"
)
PLAIN_MAJOR: Final = r"[+-]?[0-9]{1,15}([.][0-9]{0,9})?"
PLAIN_MINOR: Final = r"[+-]?[0-9]{1,15}([.]0{0,9})?"
# Printable without a look: ASCII, and blocks in which every character is a visible one.
_VISIBLE: Final = (
    r"!-~\x{a1}-\x{ac}\x{ae}-\x{377}\x{400}-\x{52f}\x{3041}-\x{3096}\x{30a1}-\x{30ff}"
    r"\x{4e00}-\x{9fa5}\x{ac00}-\x{d7a3}"
)
PLAIN_TEXT: Final = rf"[{_VISIBLE}]([{_VISIBLE} ]*[{_VISIBLE}])?"
_TEXT_FIELDS: Final = ("type", "event_id", "customer_id", "channel")
_FETCH: Final = 10_000
_BLANK: Final = {"event_id": "x", "customer_id": "x", "type": "x"}


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks the event parser about one value at a time."""

    tenant: Tenant
    now: datetime

    def time(self, text: str) -> tuple[int | None, str | None]:
        """Microseconds, or the code of the refusal."""
        outcome = self._outcome({**_BLANK, "occurred_at": text})
        if isinstance(outcome, Event):
            return outcome.occurred_at_us, None
        return None, outcome.code

    def is_text(self, text: str) -> bool:
        outcome = self._outcome(
            {**_BLANK, "customer_id": text, "occurred_at": self.now.isoformat()}
        )
        return isinstance(outcome, Event)

    def fits(self, properties: Any) -> bool:
        """Whether the properties stay below the size limit; other faults are not looked at."""
        outcome = self._outcome(
            {**_BLANK, "occurred_at": self.now.isoformat(), "properties": properties}
        )
        return isinstance(outcome, Event) or outcome.code != "too_large"

    def _outcome(self, raw: dict[str, Any]) -> Event | CipError:
        try:
            return parse_event(raw, tenant=self.tenant, now=self.now)
        except EventRejectedError as error:
            return error


@dataclass(frozen=True, slots=True)
class MoneyRule:
    """How amounts are given: with `digits` decimals to come, or `whole` in minor units."""

    digits: int
    whole: bool

    @property
    def plain(self) -> str:
        return PLAIN_MINOR if self.whole else PLAIN_MAJOR


def judge_odd_values(connection: duckdb.DuckDBPyConnection, judge: Judge, money: MoneyRule) -> None:
    """Makes the tables `odd_times`, `odd_amounts` and `odd_texts` (the unfit ones alone)."""
    times = [(text, *judge.time(text)) for text in _odd(connection, "at_text", PLAIN_TIME, 64)]
    _make(connection, "odd_times", times, _TIMES)
    amounts = [
        (text, to_minor(text, money.digits, whole=money.whole))
        for text in _odd(connection, "amount", money.plain, 100)
    ]
    _make(connection, "odd_amounts", amounts, _AMOUNTS)
    texts = {
        (text,)
        for column in _TEXT_FIELDS
        for text in _odd(connection, column, PLAIN_TEXT, MAX_ID_CHARACTERS)
        if not judge.is_text(text)
    }
    _make(connection, "odd_texts", sorted(texts), _TEXTS)


_TIMES: Final = pa.schema([("at_text", pa.string()), ("at_us", pa.int64()), ("code", pa.string())])
_AMOUNTS: Final = pa.schema([("amount", pa.string()), ("minor", pa.int64())])
_TEXTS: Final = pa.schema([("value", pa.string())])


def _odd(
    connection: duckdb.DuckDBPyConnection, column: str, plain: str, longest: int
) -> Iterator[str]:
    """Each distinct value of `column` (a name of this package's) that `plain` does not match."""
    cursor = connection.execute(
        f"SELECT DISTINCT {column} FROM raw WHERE {column} <> '' "  # noqa: S608
        f"AND length({column}) <= $longest AND NOT regexp_full_match({column}, $plain)",
        {"longest": longest, "plain": plain},
    )
    while found := cursor.fetchmany(_FETCH):
        for (value,) in found:
            yield value


def _make(
    connection: duckdb.DuckDBPyConnection, name: str, rows: list[Any], schema: pa.Schema
) -> None:
    columns: list[Any] = list(zip(*rows, strict=True)) or [[] for _ in schema]
    connection.register(
        "made",
        pa.table(
            [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
        ),
    )
    connection.execute(f"CREATE TEMP TABLE {name} AS FROM made")
    connection.unregister("made")
