"""An audit log's card: its entries, its filter, its file and the proof of its chain."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from dash import Input, Output, State, html
from dash.exceptions import PreventUpdate

from callbacks._areas import card_outputs, card_values, opening, register_rows
from cip.domain.audit import AuditEntry, Verification
from cip.domain.errors import InvalidInputError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.tenants import TenantId
from cip.figures import format as fmt
from cip.services.exports import neutralise
from layouts import ids
from layouts.audit_views import COLUMNS, audit_table, file_row, matches
from layouts.icons import icon
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

PAGE: Final = 100
# A filter looks through so many of the newest entries.
SCANNED: Final = 5_000
_BATCH: Final = 500
_LONGEST: Final = 120
LogOf = Callable[[Principal], TenantId | None]


@dataclass(frozen=True, slots=True)
class LogQuery:
    """`text`: what an entry must hold; `pages`: how many times a hundred are shown."""

    text: str = ""
    pages: int = 1


def log_query(posted: object) -> LogQuery:
    """Raises `InvalidInputError` for what no page of ours posts."""
    if posted is None:
        return LogQuery()
    if not isinstance(posted, dict):
        raise InvalidInputError("Not what a page asks for.", field="query")
    text, pages = posted.get("text", ""), posted.get("pages", 1)
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise InvalidInputError(f"A text of at most {_LONGEST} characters.", field="text")
    if isinstance(pages, bool) or not isinstance(pages, int) or not 1 <= pages <= SCANNED // PAGE:
        raise InvalidInputError(f"1 to {SCANNED // PAGE}.", field="pages")
    return LogQuery(text.strip(), pages)


def register_audit_log(
    group: CallbackGroup,
    services: Services,
    panel: str,
    *,
    permission: Permission,
    log_of: LogOf,
) -> None:
    """`log_of`: whose log the principal sees, None for the platform's own."""

    @group.callback(
        *card_outputs(panel),
        Output(ids.log_older(panel), "hidden"),
        *opening(panel),
        Input(ids.log_query(panel), "data"),
        permission=permission,
        prevent_initial_call=True,
    )
    def show_log(
        principal: Principal, opened: object, drawn: object, posted: object
    ) -> tuple[Any, ...]:
        query, more = log_query(posted), [False]

        def view() -> View:
            shown, more[0] = entries(services, principal, log_of(principal), query)
            return _view(services, principal, shown, query, more=more[0])

        values = card_values(services, opened, drawn, view, _nothing(query))
        return (*values, not more[0])

    @group.callback(
        Output(ids.verified(panel), "children"),
        Input(ids.verify(panel), "n_clicks"),
        permission=permission,
        prevent_initial_call=True,
    )
    def verify(principal: Principal, clicks: object) -> list[Any]:
        if not clicks:
            raise PreventUpdate
        return verdict(services.audit.verify(log_of(principal)))

    @group.callback(
        Output(ids.download(panel), "data"),
        Input(ids.csv(panel), "n_clicks"),
        State(ids.log_query(panel), "data"),
        permission=permission,
        prevent_initial_call=True,
    )
    def export(principal: Principal, clicks: object, posted: object) -> dict[str, Any]:
        if not clicks:
            raise PreventUpdate
        return _file(services, principal, log_of(principal), log_query(posted))

    register_rows(group, panel)


def zone_of(services: Services, principal: Principal) -> ZoneInfo:
    return services.resources.tenant(principal.tenant).zone


def entries(
    services: Services, who: Principal, log: TenantId | None, query: LogQuery
) -> tuple[list[AuditEntry], bool]:
    """The newest that match, and whether there are more to be asked for."""
    zone, wanted = zone_of(services, who), query.pages * PAGE
    fitting = (
        entry
        for entry in islice(_newest(services, log), SCANNED)
        if not query.text or matches(entry, query.text, zone)
    )
    found = list(islice(fitting, wanted + 1))
    more = len(found) > wanted and query.pages < SCANNED // PAGE
    return found[:wanted], more


def _newest(services: Services, log: TenantId | None) -> Iterator[AuditEntry]:
    before: str | None = None
    while page := services.audit.page(log, before=before, limit=_BATCH):
        yield from page
        before = page[-1].id


def _view(
    services: Services,
    who: Principal,
    shown: Sequence[AuditEntry],
    query: LogQuery,
    *,
    more: bool,
) -> View:
    if not shown:
        return View()
    zone = zone_of(services, who)
    many = "1 entry" if len(shown) == 1 else f"{fmt.exact(len(shown))} entries"
    which = f" with “{query.text}”" if query.text else ""
    searched = f", of the newest {fmt.exact(SCANNED)}" if query.text else ""
    older = ", older ones below" if more else ""
    footer = f"{many}{which}{searched}{older}. Times in {fmt.place(zone.key)}."
    return View(audit_table(shown, zone), footer=footer)


def _nothing(query: LogQuery) -> tuple[str, str]:
    if query.text:
        return ("No entry matches", f"None of the newest {fmt.exact(SCANNED)} holds this text.")
    return ("Nothing on record yet", "Who signs in, changes or exports something appears here.")


def verdict(found: Verification) -> list[Any]:
    """What the check of the whole chain came to."""
    if found.problem is None:
        many = "1 entry" if found.entries == 1 else f"{fmt.exact(found.entries)} entries"
        return [
            html.Span([icon("shield-check"), f"Chain verified: {many}"], className="tag good"),
            html.Span(f"head {found.head[:12]}", className="mono muted", title=found.head),
        ]
    where = "at its end" if found.at in (None, "head") else f"at entry {found.at}"
    return [
        html.Span([icon("shield-exclamation"), "The chain is broken"], className="tag bad"),
        html.Span(f"{found.problem} ({where}; {fmt.exact(found.entries)} hold before it)"),
    ]


def _file(
    services: Services, who: Principal, log: TenantId | None, query: LogQuery
) -> dict[str, Any]:
    """The entries that are shown. No file leaves without an entry of its own."""
    shown, _ = entries(services, who, log, query)
    stamp = services.resources.clock().strftime("%Y%m%dT%H%M%SZ")
    name = f"{log or 'platform'}-audit-{stamp}.csv"
    services.audit.record(
        log, who.subject, "audit.exported", log or "platform",
        after={"file": name, "entries": len(shown)},
    )  # fmt: skip
    content = _csv([file_row(entry) for entry in shown])
    return {"filename": name, "content": content, "type": "text/csv", "base64": False}


def _csv(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([neutralise(cell) for cell in row] for row in rows)
    return buffer.getvalue()
