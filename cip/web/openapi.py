"""The API's own document, made from its routes."""

from __future__ import annotations

from typing import Any, Final

from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic.json_schema import models_json_schema

from cip.web.api_routes import Routes
from cip.web.openapi_models import ErrorAnswer

TITLE: Final = "Customer Intelligence"
_ABOUT: Final = """Everything acts in one tenant: that of the key or token, never one that a body
names. Errors are `{"error": {"code", "message", "field", "request_id"}}`. A caller has a number of
requests a minute for events and as many for all else; `RateLimit-Limit`, `RateLimit-Remaining` and
`RateLimit-Reset` say how it stands."""
_SECURITY: Final = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "For programs: made on the administration page or by `cip key create`.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "For people: `POST /api/v1/auth/token` answers one.",
    },
}


def document(routes: Routes) -> dict[str, Any]:
    """OpenAPI 3.1. Paths and operations are the library's; the schemas are pydantic's own, which
    the library would thin out."""
    drawn = OpenAPI(
        __name__,
        info=Info(title=TITLE, version="1", description=" ".join(_ABOUT.split("\n"))),
        security_schemes=_SECURITY,  # type: ignore[arg-type]
        doc_ui=False,
        # Every operation tells of this one: the library adds none of its own.
        validation_error_status=503,
        validation_error_model=ErrorAnswer,
        static_folder=None,
    )
    drawn.register_api(routes.blueprint)
    made: dict[str, Any] = drawn.api_doc
    made["components"]["schemas"] = _schemas(routes)
    return made


def _schemas(routes: Routes) -> dict[str, Any]:
    models = sorted(routes.models, key=lambda model: model.__name__)
    _, told = models_json_schema(
        [(model, "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = told["$defs"]
    return schemas
