"""Checks of what a browser posts to a Dash callback, against what was registered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cip.domain.errors import MalformedError

_FIELDS: Final = frozenset(
    {"output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds"}
)
_WILDCARDS: Final = (["ALL"], ["MATCH"], ["ALLSMALLER"])


@dataclass(frozen=True, slots=True)
class Id:
    """What may stand in one place; `pattern`: the dictionary of a pattern-matching id."""

    text: str
    prop: str
    pattern: dict[str, Any] | None

    @property
    def takes_all(self) -> bool:
        return self.pattern is not None and ["ALL"] in self.pattern.values()


@dataclass(frozen=True, slots=True)
class Shape:
    """The ids of one registered callback, worked out once."""

    inputs: tuple[Id, ...]
    state: tuple[Id, ...]
    outputs: tuple[Id, ...]
    several_outputs: bool


def shape(registered: Mapping[str, Any]) -> Shape:
    """Of an entry of Dash's callback map."""
    output = registered["output"]
    several = isinstance(output, (list, tuple))
    return Shape(
        inputs=tuple(_id(each["id"], each["property"]) for each in registered["inputs"]),
        state=tuple(_id(each["id"], each["property"]) for each in registered["state"]),
        outputs=tuple(
            _id(each.component_id_str(), each.component_property)
            for each in (output if several else [output])
        ),
        several_outputs=several,
    )


def check_body(body: object, wanted: Shape) -> None:
    """Raises `MalformedError` unless the body's ids are those of the registered callback.

    Dash answers 500 to some malformed bodies and runs others with forged ids; the values inside
    are the callback's own to check.
    """
    if not isinstance(body, dict):
        raise MalformedError("A callback body is a JSON object.")
    if body.keys() - _FIELDS:
        raise MalformedError("A field that no page of ours sends.", field="body")
    _check_ids(body.get("inputs", []), wanted.inputs, "inputs")
    _check_ids(body.get("state", []), wanted.state, "state")
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(name, str) for name in changed):
        raise MalformedError("A list of strings.", field="changedPropIds")
    # One object for one output, a list for several: Dash breaks on any other form.
    outputs = body.get("outputs")
    _check_ids(outputs if wanted.several_outputs else [outputs], wanted.outputs, "outputs")


def _check_ids(given: object, wanted: tuple[Id, ...], field: str) -> None:
    """A plain id exactly; of a pattern each of the members that it matched (a list for ALL)."""
    if _are_plainly(given, wanted):
        return
    if not isinstance(given, list) or len(given) != len(wanted):
        raise MalformedError(f"This callback has {len(wanted)} here.", field=field)
    for one, expected in zip(given, wanted, strict=True):
        items = one if expected.takes_all and isinstance(one, list) else [one]
        if not all(_fits(item, expected) for item in items):
            raise MalformedError("An id that this callback does not have.", field=field)


def _are_plainly(given: object, wanted: tuple[Id, ...]) -> bool:
    """Whether these are exactly the plain ids that are wanted, as nearly always: seen at once."""
    return (
        type(given) is list
        and all(one.pattern is None for one in wanted)
        and [type(one) is dict and (one.get("id"), one.get("property")) for one in given]
        == [(one.text, one.prop) for one in wanted]
    )


def _id(text: str, prop: str) -> Id:
    return Id(text, prop, _pattern(text))


def _pattern(text: str) -> dict[str, Any] | None:
    """The dictionary of a pattern-matching id, None for a plain one."""
    if not text.startswith("{"):
        return None
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _fits(item: object, expected: Id) -> bool:
    if not isinstance(item, dict) or item.get("property") != expected.prop:
        return False
    given, pattern = item.get("id"), expected.pattern
    if pattern is None:
        return bool(given == expected.text)
    if not isinstance(given, dict) or given.keys() != pattern.keys():
        return False
    return all(
        isinstance(given[key], (str, int)) if value in _WILDCARDS else given[key] == value
        for key, value in pattern.items()
    )
