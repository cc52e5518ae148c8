"""A result as CSV: the same figures as the page, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cip.domain.errors import StillComputingError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.queries import Query
from cip.domain.results import Result
from cip.services.audit import AuditService
from cip.services.insights import InsightService

WAIT_SECONDS: Final = 10.0
_STARTS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Export:
    filename: str
    content: str


class ExportService:
    def __init__(self, insights: InsightService, audit: AuditService) -> None:
        self._insights = insights
        self._audit = audit

    def csv(self, principal: Principal, slug: str, query: Query) -> Export:
        """Raises `ForbiddenError` without `analytics:export`, `StillComputingError` when the
        computation takes longer than ten seconds."""
        principal.require(Permission.ANALYTICS_EXPORT)
        outcome = self._insights.fetch(principal, slug, query, wait_seconds=WAIT_SECONDS)
        if outcome.result is None:
            raise StillComputingError("The figures are still being computed. Try again shortly.")
        return self.of(principal, slug, outcome.result)

    def of(self, principal: Principal, slug: str, result: Result[Any]) -> Export:
        """The file of a result. No file leaves without an entry in the audit log."""
        principal.require(Permission.ANALYTICS_EXPORT)
        made = Export(_filename(slug, result), to_csv(result))
        self._audit.record(
            principal.tenant,
            principal.subject,
            "insight.exported",
            slug,
            after={"file": made.filename, "bytes": len(made.content.encode())},
        )
        return made


def to_csv(result: Result[Any]) -> str:
    """One table of the result: its list of rows, or a row per figure."""
    return _write(_rows(result.data.model_dump(mode="json")))


def _rows(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for name in ("segments", "points", "rows"):
        if isinstance(data.get(name), list):
            return list(data[name])
    if all(isinstance(value, dict) for value in data.values()):
        return [{"metric": name, **value} for name, value in data.items()]
    return [data]


def _write(rows: Sequence[Mapping[str, Any]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    if rows:
        writer.writerow(rows[0])
    writer.writerows(_cells(row.values()) for row in rows)
    return buffer.getvalue()


def _cells(values: Iterable[object]) -> list[object]:
    return [neutralise(value) if isinstance(value, str) else value for value in values]


def neutralise(text: str) -> str:
    """A cell that a spreadsheet would run as a formula gets a quote in front."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


def _filename(slug: str, result: Result[Any]) -> str:
    stamp = result.envelope.computed_at.strftime("%Y%m%dT%H%M%SZ")
    return f"{result.envelope.tenant}-{slug}-{stamp}.csv"
