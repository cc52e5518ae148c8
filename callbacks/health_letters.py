"""System health, dead letters: by reason, one by one, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State
from dash.exceptions import PreventUpdate

from callbacks._areas import (
    Act,
    Answer,
    act_of,
    answer,
    card_outputs,
    card_values,
    opening,
    register_area,
    register_rows,
)
from callbacks._panels import zone_of
from callbacks.health_flow import TICKING, ticked
from callbacks.health_rows import (
    letter_data,
    letters_table,
    letters_words,
    reason_words,
    reasons_table,
    replayed_words,
)
from callbacks.letters_file import letters_file
from cip.domain.dead_letters import Reason, reason_of
from cip.domain.errors import InvalidInputError
from cip.domain.events import EventRejectedError
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.figures import format as fmt
from cip.services.dead_letters import MAX_EDITED_CHARACTERS, PAGE
from layouts import ids
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_AREA: Final = ids.LETTER_REASONS
_MANAGE: Final = Permission.DEAD_LETTERS_MANAGE
_MOST_PAGES: Final = 40
_NONE: Final = ("No dead letters", "Every accepted event could be read.")
_NONE_LEFT: Final = ("None left", "The letters of this reason were replayed or discarded.")


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(_AREA),
        *opening(_AREA),
        Input(ids.answer(_AREA), "data"),
        *TICKING,
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_reasons(
        principal: Principal, opened: object, drawn: object, *_triggers: object
    ) -> tuple[Any, ...]:
        return ticked(
            lambda: card_values(
                services, opened, drawn, lambda: reasons_view(services, principal), _NONE
            )
        )

    @group.callback(
        *card_outputs(ids.LETTERS),
        Output(ids.log_older(ids.LETTERS), "hidden"),
        *opening(ids.LETTERS),
        Input(ids.log_query(ids.LETTERS), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_letters(
        principal: Principal, _opened: object, drawn: object, posted: object
    ) -> tuple[Any, ...]:
        reason, pages = letters_query(posted)
        more = [False]

        def view() -> View:
            shown, more[0] = letters_view(services, principal, reason, pages)
            return shown

        values = card_values(services, True, drawn, view, _NONE_LEFT)
        return (*values, not more[0])

    @group.callback(
        *card_outputs(ids.LETTER, Output(ids.form_data(ids.LETTER), "data")),
        *opening(ids.LETTER),
        Input(ids.log_query(ids.LETTER), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_letter(
        principal: Principal, _opened: object, drawn: object, posted: object
    ) -> tuple[Any, ...]:
        letter_id = _chosen(posted, "letter")

        def view() -> View:
            letter = services.dead_letters.get(principal, letter_id)
            data = letter_data(letter, zone_of(services, principal), _AREA)
            return View(data, subtitle=letter.message)

        return card_values(services, True, drawn, view)

    @group.callback(
        Output(ids.answer(_AREA), "data"),
        Input(ids.act(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def act_on_letters(principal: Principal, posted: object) -> Answer:
        act = act_of(posted, _ACTS)
        return _ACTS[act.action](services, principal, act)

    @group.callback(
        Output(ids.download(ids.LETTERS), "data"),
        Input(ids.csv(ids.LETTERS), "n_clicks"),
        State(ids.log_query(ids.LETTERS), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def export(principal: Principal, clicks: object, posted: object) -> dict[str, Any]:
        if not clicks:
            raise PreventUpdate
        return letters_file(services, principal, letters_query(posted)[0])

    _register_browser(group)


def _register_browser(group: CallbackGroup) -> None:
    register_area(group, _AREA)
    for panel in (_AREA, ids.LETTERS):
        register_rows(group, panel)
    group.clientside(
        "letter",
        Output(ids.content(ids.LETTER), "data-letter"),
        Input(ids.form_data(ids.LETTER), "data"),
        State(ids.content(ids.LETTER), "id"),
    )
    group.clientside(
        "letters_settled",
        Output(ids.LETTERS_OPEN, "data-settled"),
        Input(ids.answer(_AREA), "data"),
        State(ids.log_query(ids.LETTERS), "data"),
    )


def letters_query(posted: object) -> tuple[Reason, int]:
    """Reason and pages. Raises `InvalidInputError` for what no page of ours posts."""
    reason = reason_of(_chosen(posted, "reason"))
    pages = posted.get("pages", 1) if isinstance(posted, dict) else 1
    if isinstance(pages, bool) or not isinstance(pages, int) or not 1 <= pages <= _MOST_PAGES:
        raise InvalidInputError(f"1 to {_MOST_PAGES}.", field="pages")
    return reason, pages


def _chosen(posted: object, name: str) -> str:
    if posted is None:
        raise PreventUpdate
    value = posted.get(name) if isinstance(posted, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= 300 or not value.isprintable():
        raise InvalidInputError("Not what a page asks for.", field=name)
    return value


def reasons_view(services: Services, principal: Principal) -> View:
    overview = services.dead_letters.overview(principal)
    parts = [letters_words(overview.letters)] if overview.letters else []
    if overview.other_reasons:
        parts.append(f"{fmt.exact(overview.other_reasons)} reasons more are not listed")
    if overview.not_kept:
        parts.append(f"{fmt.exact(overview.not_kept)} more rejections were counted but not kept")
    content = reasons_table(overview) if overview.rows else None
    return View(content, subtitle="Events that are not counted, and why", footer="; ".join(parts))


def letters_view(
    services: Services, principal: Principal, reason: Reason, pages: int
) -> tuple[View, bool]:
    """What is shown, and whether there are older letters to be asked for."""
    wanted = pages * PAGE
    found = services.dead_letters.page(principal, reason, limit=wanted + 1)
    more = len(found) > wanted
    shown = found[:wanted]
    zone = zone_of(services, principal)
    footer = f"{letters_words(len(shown))} shown{', older ones below' if more else ''}."
    content = letters_table(shown, zone) if shown else None
    view = View(content, subtitle=reason_words(reason), footer=footer if shown else None)
    return view, more and pages < _MOST_PAGES


def _replay(services: Services, who: Principal, act: Act) -> Answer:
    letter_id, edited = act.text("letter"), None
    if "event" in act.names():
        edited = act.text("event", MAX_EDITED_CHARACTERS)
    try:
        settled = services.dead_letters.replay(who, letter_id, edited)
    except EventRejectedError as error:
        where = f"{error.field}: " if error.field else ""
        raise InvalidInputError(f"{where}{error.message}", field="event") from error
    text, more = replayed_words([settled])
    return answer(act, text, more=more, settled=letter_id)


def _discard(services: Services, who: Principal, act: Act) -> Answer:
    services.dead_letters.discard(who, act.target)
    return answer(act, "1 letter discarded", settled=act.target)


def _replay_all(services: Services, who: Principal, act: Act) -> Answer:
    settled = services.dead_letters.replay_all(who, reason_of(act.target))
    text, more = replayed_words(settled)
    return answer(act, text, more=more, settled=act.target)


def _discard_all(services: Services, who: Principal, act: Act) -> Answer:
    many = services.dead_letters.discard_all(who, reason_of(act.target))
    return answer(act, f"{letters_words(many)} discarded", settled=act.target)


_ACTS: Final = {
    "replay": _replay,
    "discard": _discard,
    "replay_all": _replay_all,
    "discard_all": _discard_all,
}
