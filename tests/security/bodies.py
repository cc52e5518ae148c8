"""Bodies that a browser could post to any registered callback, made from the callback map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from dash import Dash

UPDATE: Final = "/_dash-update-component"
# (component id, property) → value
Values = Callable[[str, str], Any]


@dataclass(frozen=True, slots=True)
class Callback:
    """A server callback: its key, its name in the policy table, its entry of Dash's map."""

    key: str
    name: str
    entry: Any

    def body(self, values: Values) -> dict[str, Any]:
        outputs = self._outputs()
        return {
            "output": self.key,
            "outputs": outputs if isinstance(self.entry["output"], (list, tuple)) else outputs[0],
            "inputs": [_filled(item, values) for item in self.entry["inputs"]],
            "state": [_filled(item, values) for item in self.entry["state"]],
            "changedPropIds": [f"{item['id']}.{item['property']}" for item in self._inputs()],
        }

    def slots(self) -> list[tuple[str, str]]:
        """(component id, property) of each input and state."""
        return [
            (_text(item["id"]), item["property"])
            for item in [*self.entry["inputs"], *self.entry["state"]]
        ]

    def _inputs(self) -> list[dict[str, Any]]:
        return list(self.entry["inputs"])

    def _outputs(self) -> list[dict[str, Any]]:
        output = self.entry["output"]
        return [
            _member({"id": one.component_id_str(), "property": one.component_property})
            for one in (output if isinstance(output, (list, tuple)) else [output])
        ]


def callbacks_of(app: Dash) -> list[Callback]:
    """All that run on the server, in the order of their registration."""
    return [
        Callback(key, short_name(key), entry)
        for key, entry in app.callback_map.items()
        if entry.get("callback") is not None
    ]


def short_name(key: str) -> str:
    """The callback's first output, without what Dash adds to tell duplicates apart."""
    first = key.strip(".").split("...")[0]
    return first.partition("@")[0]


def nothing(_id: str, _prop: str) -> None:
    """Every value null, as of a page that has just opened."""


def pressed(version: str, path: str = "/") -> Values:
    """As a page posts it: filters read, a version told, everything pressed that can be."""

    def value(component: str, prop: str) -> Any:
        if prop == "pathname":
            return path
        if prop in ("n_clicks", "n_submit", "n_intervals"):
            return 1
        if component.endswith("-filters"):
            return ""
        if component.endswith("-opened"):
            return True
        return version if component == "data-version" else None

    return value


def _filled(item: dict[str, Any], values: Values) -> Any:
    member = _member(item)
    member["value"] = values(_text(item["id"]), item["property"])
    return [member] if "ALL" in str(item["id"]) and item["id"].startswith("{") else member


def _member(item: dict[str, Any]) -> dict[str, Any]:
    """A pattern-matching id as a browser would send one of its members."""
    if not item["id"].startswith("{"):
        return dict(item)
    pattern = orjson.loads(item["id"])
    member = {name: "x" if isinstance(part, list) else part for name, part in pattern.items()}
    return {"id": member, "property": item["property"]}


def _text(component: str) -> str:
    """A plain id; of a pattern its `type`."""
    return str(orjson.loads(component).get("type")) if component.startswith("{") else component
