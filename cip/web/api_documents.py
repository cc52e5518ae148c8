"""The API's document and the page that shows it: public, since they hold nothing of a tenant."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import flask
import flask_openapi3_swagger
import orjson
from flask.typing import ResponseReturnValue

from cip.domain.errors import NotFoundError
from cip.web.api_routes import JSON, Routes, Told
from cip.web.openapi import document

_SWAGGER: Final = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
_FILES: Final = {
    "swagger-ui.css": _SWAGGER / "css" / "swagger-ui.css",
    "swagger-ui-bundle.js": _SWAGGER / "js" / "swagger-ui-bundle.js",
    "page.js": Path(__file__).parent / "static" / "api_docs.js",
}


def register(routes: Routes) -> None:
    made: list[bytes] = []

    def openapi() -> ResponseReturnValue:
        # Made when it is first wanted: the routes are fixed by then.
        if not made:
            made.append(orjson.dumps(document(routes)))
        return flask.Response(made[0], mimetype=JSON)

    def docs() -> ResponseReturnValue:
        return flask.render_template("api_docs.html")

    def docs_file(name: str) -> ResponseReturnValue:
        if name not in _FILES:
            raise NotFoundError("There is no such file.")
        return flask.send_file(_FILES[name])

    anything: dict[str, Any] = {JSON: {"schema": {"type": "object"}}}
    routes.add("GET", "/openapi.json", openapi, Told(
        "This document", "Document", {200: anything}, public=True,
    ))  # fmt: skip
    routes.blueprint.add_url_rule("/docs", "docs", docs)
    routes.blueprint.add_url_rule("/docs/<path:name>", "docs_file", docs_file)
