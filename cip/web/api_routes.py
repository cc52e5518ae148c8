"""How a route of the API comes to be: its address, its permission and what its document says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import flask
from flask.typing import ResponseReturnValue
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel
from werkzeug.routing import BaseConverter

from cip.domain.permissions import Permission
from cip.web.openapi_models import ErrorAnswer

VERSION: Final = "/v1"
PREFIX: Final = "/api/v1"
NAME: Final = "api"
JSON: Final = "application/json"
_REFS: Final = "#/components/schemas/{model}"
_WHY: Final = {
    400: "The body ended too early, or its chunks are none.",
    401: "Nobody is signed in, or the credential does not hold.",
    403: "The permission is missing.",
    404: "There is no such thing for you.",
    408: "The body did not come within ten seconds.",
    409: "Something else came first.",
    413: "More than the limits allow.",
    415: "A content encoding that is not read here.",
    422: "The input cannot be used; `field` names what is at fault.",
    429: "Too much at once: again after `Retry-After` seconds.",
    503: "The data store did not answer, or has no room: again after `Retry-After` seconds.",
}
_LIMITED: Final = {
    "RateLimit-Limit": "Requests a minute.",
    "RateLimit-Remaining": "How many are left at once.",
    "RateLimit-Reset": "Seconds until all are.",
}
_RETRY: Final = {"Retry-After": "Seconds."}


@dataclass(frozen=True)
class Told:
    """What the document says of a route. `answers`: status → model, content by type, or None;
    `takes`: content by type; `public`: nobody has to sign in for it."""

    summary: str
    about: str
    answers: Mapping[int, type[BaseModel] | Mapping[str, Any] | None]
    faults: tuple[int, ...] = ()
    takes: Mapping[str, Any] | None = None
    must_send: bool = True
    parameters: tuple[dict[str, Any], ...] = ()
    public: bool = False
    needs: Permission | None = None
    more: str = ""
    headers: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def _faults(told: Told) -> tuple[int, ...]:
    """Whatever takes a body may find that it does not come, or comes in pieces."""
    return told.faults if told.takes is None else (*told.faults, 400, 408)


class Routes:
    """`permissions`: endpoint → permission, for the guard. `models`: what the document shows."""

    def __init__(self) -> None:
        self.blueprint = APIBlueprint(NAME, __name__, url_prefix="/api")
        self.permissions: dict[str, Permission] = {}
        self.models: set[type[BaseModel]] = {ErrorAnswer}

    def add(
        self,
        method: str,
        address: str,
        view: Callable[..., ResponseReturnValue],
        told: Told,
        **options: Any,
    ) -> None:
        name = view.__name__
        # The library resolves annotations, and Flask's name for an answer cannot be resolved.
        view.__annotations__.pop("return", None)
        extensions: dict[str, Any] = {}
        if told.takes is not None:
            extensions["requestBody"] = {"content": told.takes, "required": told.must_send}
        if told.parameters:
            extensions["parameters"] = list(told.parameters)
        register: Any = getattr(self.blueprint, method.lower())
        register(
            VERSION + address,
            endpoint=name,
            operation_id=name,
            summary=told.summary,
            description=_description(told),
            tags=[Tag(name=told.about)],
            responses=self._answers(told),
            security=[] if told.public else [{"key": []}, {"bearer": []}],
            openapi_extensions=extensions,
            **options,
        )(view)
        if told.needs is not None:
            self.permissions[f"{NAME}.{name}"] = told.needs

    def converter(self, name: str, converter: type[BaseConverter]) -> None:
        """What may stand in an address of a route that is added after it."""
        self.blueprint.record(lambda state: state.app.url_map.converters.update({name: converter}))

    def json(self, model: type[BaseModel], example: object = None) -> dict[str, Any]:
        """Content of one type, for `Told`."""
        self.models.add(model)
        media: dict[str, Any] = {"schema": ref(model)}
        if example is not None:
            media["example"] = example
        return {JSON: media}

    def _answers(self, told: Told) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for status, content in told.answers.items():
            if isinstance(content, type):
                content = self.json(content)
            answers[str(status)] = _answer(status, content, told, HTTPStatus(status).phrase)
        own = () if told.public else (401, 429)
        for status in sorted({*_faults(told), *own, 503}):
            content = self.json(ErrorAnswer)
            answers[str(status)] = _answer(status, content, told, _WHY[status])
        return answers


def ref(model: type[BaseModel]) -> dict[str, str]:
    # As pydantic calls it in the document: a generic model's brackets cannot stand in a reference.
    return {"$ref": _REFS.format(model=re.sub(r"\W", "_", model.__name__))}


def _description(told: Told) -> str:
    need = f"Needs the permission `{told.needs.value}`." if told.needs else ""
    return " ".join(part for part in (told.more, need) if part) or told.summary


def _answer(
    status: int, content: Mapping[str, Any] | None, told: Told, text: str
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": text}
    if content is not None:
        answer["content"] = dict(content)
    headers = dict(told.headers.get(status, {}))
    # Who is not let in is not counted.
    if not told.public and status not in (401, 403):
        headers.update(_LIMITED)
    if status in (429, 503):
        headers.update(_RETRY)
    if headers:
        answer["headers"] = {
            name: {"description": what, "schema": {"type": _type(name)}}
            for name, what in headers.items()
        }
    return answer


def _type(header: str) -> str:
    return "string" if header == "Location" else "integer"


def in_path(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """A parameter of the address, for `Told`."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def address_part(name: str) -> str:
    """What stands there in the address of the request that is being served. The library would
    pass it only to a view with a model for it, and then lists no other parameter."""
    return str((flask.request.view_args or {})[name])
