"""What a person asks for in an area of the administration, and how its cards read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State, html, no_update
from dash.exceptions import PreventUpdate

from callbacks._panels import trouble
from cip.domain.errors import CipError, InvalidInputError, UnavailableError
from cip.services.outcomes import problem
from layouts import ids
from layouts.attributes import attrs
from layouts.states import empty
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

# Longer than any value of ours: what is longer still never came from our page.
_LONGEST: Final = 1_000
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What was posted, of the right types; what the values mean is checked by who takes them."""

    action: str
    target: str
    nonce: float
    _values: Mapping[str, object]

    def text(self, name: str, longest: int = _LONGEST) -> str:
        return _text(self._values.get(name), name, longest)

    def texts(self, name: str) -> list[str]:
        values = self._values.get(name)
        if not isinstance(values, list):
            raise InvalidInputError("A list of texts.", field=name)
        return [_text(value, name) for value in values]

    def names(self) -> list[str]:
        return list(self._values)


def act_of(posted: object, actions: Collection[str]) -> Act:
    """Raises `PreventUpdate` where nothing was asked for, `InvalidInputError` for what no page of
    ours posts."""
    if posted is None:
        raise PreventUpdate
    known = {"action", "target", "nonce", "values"}
    if not isinstance(posted, dict) or not isinstance(posted.get("values"), dict):
        raise InvalidInputError("Not what a page asks for.", field="values")
    if posted.keys() - known:
        raise InvalidInputError("Not what a page asks for.", field="action")
    action, nonce = _text(posted.get("action"), "action"), posted.get("nonce")
    if action not in actions:
        raise InvalidInputError("There is no such action.", field="action")
    if isinstance(nonce, bool) or not isinstance(nonce, (int, float)):
        raise InvalidInputError("A number.", field="nonce")
    return Act(action, _text(posted.get("target"), "target"), nonce, posted["values"])


def _text(value: object, field: str, longest: int = _LONGEST) -> str:
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise InvalidInputError(f"A text of at most {longest} characters.", field=field)
    return value


def answer(act: Act, text: str, **more: Any) -> Answer:
    """`more`: a second line, `undo` (see `undoing`), `secret`, `reset` for a form to be emptied."""
    return {"nonce": act.nonce, "text": text, **more}


def undoing(action: str, target: str, **values: str) -> dict[str, Any]:
    return {"action": action, "target": target, "values": values}


def register_area(group: CallbackGroup, area: str) -> None:
    """The browser says what came of an act (assets/acts.js)."""
    group.clientside(
        "answered",
        Output(ids.secret(area), "data-nonce"),
        Input(ids.answer(area), "data"),
        State(ids.secret(area), "id"),
    )


def register_rows(group: CallbackGroup, panel: str) -> None:
    group.clientside(
        "rows",
        Output(ids.table(panel), "data-rows"),
        Input(ids.table_data(panel), "data"),
        State(ids.table(panel), "id"),
    )


def card_outputs(panel: str, content: Output | None = None) -> tuple[Output, ...]:
    """`content`: where its content goes; a table of rows without it."""
    return (
        content or Output(ids.table_data(panel), "data"),
        Output(ids.state(panel), "children"),
        Output(ids.drawn(panel), "data"),
        Output(ids.subtitle(panel), "children"),
        Output(ids.footer(panel), "children"),
    )


def opening(panel: str) -> tuple[Input, State]:
    """A card reads when it is opened, which is also how somebody tries again."""
    return Input(ids.opened(panel), "data"), State(ids.drawn(panel), "data")


def card_values(
    services: Services,
    opened: object,
    drawn: object,
    view: Callable[[], View],
    nothing: tuple[str, str] = ("", ""),
) -> tuple[Any, ...]:
    """Values for `card_outputs`. While Redis is away, what is drawn stays as it is."""
    if not opened:
        raise PreventUpdate
    try:
        shown = view()
    except UnavailableError as error:
        if drawn:
            raise
        return _failed(services, error)
    except CipError as error:
        if error.status in (401, 403):
            raise
        return _failed(services, error)
    state: Any = [] if shown.content is not None else empty(*nothing)
    return (shown.content, state, not state, _kept(shown.subtitle), shown.footer or [])


def _failed(services: Services, error: CipError) -> tuple[Any, ...]:
    resources = services.resources
    told = problem(error, resources.request_id(), resources.clock())
    away = isinstance(error, UnavailableError)
    state = trouble(told, away=away)
    # The mark makes the browser ask again (assets/tabs.js).
    shown = html.Div(state, **attrs({"data-away": "1"})) if away else state
    return (None, shown, False, no_update, [])


def _kept(subtitle: Any) -> Any:
    return no_update if subtitle is None else subtitle
