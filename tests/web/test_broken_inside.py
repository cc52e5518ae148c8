"""What nobody foresaw is answered without a word of its inside, and logged with all of it."""

from __future__ import annotations

import pytest
from dash import Dash

from tests.web.conftest import Client

INSIDE = "postgres://root:canary@10.0.0.9/inside"


class UnheardOfError(Exception):
    """None of ours."""


@pytest.fixture
def broken(app: Dash, alice: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    def breaks(*_arguments: object, **_names: object) -> None:
        raise UnheardOfError(INSIDE)

    for name in ("api.insights", "api.insight"):
        monkeypatch.setitem(app.server.view_functions, name, breaks)
    return alice


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_an_answer_tells_nothing_of_the_inside(broken: Client, accept: str) -> None:
    answer = broken.get("/api/v1/insights", headers={"Accept": accept})
    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "internal"
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-ID"]
    for word in ("canary", "UnheardOf", "Traceback", "raise ", ".py"):
        assert word not in answer.text, word
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
