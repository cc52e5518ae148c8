"""Checks of what a browser posts to a Dash callback, against what was registered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from cip.domain.errors import InvalidInputError

_WILDCARDS: Final = (["ALL"], ["MATCH"], ["ALLSMALLER"])


def check_body(body: object, registered: Mapping[str, Any]) -> None:
    """Raises `InvalidInputError` unless the body's ids are those of the registered callback.

    Dash answers 500 to some malformed bodies and runs others with forged ids; the values inside
    are the callback's own to check.
    """
    if not isinstance(body, dict):
        raise InvalidInputError("A callback body is a JSON object.")
    _check_dependencies(body, "inputs", registered["inputs"])
    _check_dependencies(body, "state", registered["state"])
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(name, str) for name in changed):
        raise InvalidInputError("A list of strings.", field="changedPropIds")
    _check_outputs(body.get("outputs"), registered["output"])


def _check_dependencies(
    body: Mapping[str, Any], name: str, wanted: list[Mapping[str, str]]
) -> None:
    given = body.get(name, [])
    if not isinstance(given, list) or len(given) != len(wanted):
        raise InvalidInputError(f"This callback has {len(wanted)} here.", field=name)
    for one, expected in zip(given, wanted, strict=True):
        _check_ids(one, expected, name)


def _check_outputs(given: object, registered: Any) -> None:
    """One object for one output, a list for several: Dash breaks on any other form."""
    several = isinstance(registered, (list, tuple))
    wanted = list(registered) if several else [registered]
    found = given if several else [given]
    if not isinstance(found, list) or len(found) != len(wanted):
        raise InvalidInputError(f"This callback has {len(wanted)} outputs.", field="outputs")
    for one, output in zip(found, wanted, strict=True):
        expected = {"id": output.component_id_str(), "property": output.component_property}
        _check_ids(one, expected, "outputs")


def _check_ids(given: object, expected: Mapping[str, str], field: str) -> None:
    """A plain id exactly; of a pattern each of the members that it matched (a list for ALL)."""
    pattern = _pattern(expected["id"])
    takes_all = pattern is not None and any(value == ["ALL"] for value in pattern.values())
    items = given if takes_all and isinstance(given, list) else [given]
    if not all(_fits(item, expected, pattern) for item in items):
        raise InvalidInputError("An id that this callback does not have.", field=field)


def _pattern(text: str) -> dict[str, Any] | None:
    """The dictionary of a pattern-matching id, None for a plain one."""
    if not text.startswith("{"):
        return None
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _fits(item: object, expected: Mapping[str, str], pattern: dict[str, Any] | None) -> bool:
    if not isinstance(item, dict) or item.get("property") != expected["property"]:
        return False
    given = item.get("id")
    if pattern is None:
        return bool(given == expected["id"])
    if not isinstance(given, dict) or given.keys() != pattern.keys():
        return False
    return all(
        isinstance(given[key], (str, int)) if value in _WILDCARDS else given[key] == value
        for key, value in pattern.items()
    )
