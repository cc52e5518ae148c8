"""The access log: one line a request, whatever stands in the request."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from cip.auth.policy import PERMISSIONS
from cip.cli.access_log import AccessLogger
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.web.requests import PRINCIPAL, REQUEST_ID
from tests.factories import tenant

LINE_ENDS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def logged(capfd: pytest.CaptureFixture[str], **environ: Any) -> tuple[str, dict[str, Any]]:
    """The text that one request writes, and what a reader makes of it."""
    answer = SimpleNamespace(status_code=404, sent=12)
    request = SimpleNamespace(method="GET", query="secret=1", uri="/a?secret=1")
    AccessLogger(Config()).access(
        answer,
        request,
        {
            "PATH_INFO": "/a",
            "QUERY_STRING": "secret=1",
            "RAW_URI": "/a?secret=1",
            "HTTP_COOKIE": "secret=1",
            "REMOTE_ADDR": "192.0.2.7",
            REQUEST_ID: "r-1",
            **environ,
        },
        timedelta(milliseconds=3.25),
    )
    text = capfd.readouterr().out
    line: dict[str, Any] = json.loads(text)
    return text, line


def test_a_request_is_one_line_without_its_query(capfd: pytest.CaptureFixture[str]) -> None:
    text, line = logged(capfd)
    assert text.endswith("}\n")
    assert "secret" not in text
    del line["timestamp"], line["pid"]
    assert line == {
        "event": "request",
        "level": "info",
        "process": "web",
        "method": "GET",
        "path": "/a",
        "status": 404,
        "milliseconds": 3.2,
        "bytes": 12,
        "address": "192.0.2.7",
        "request_id": "r-1",
        "subject": None,
        "tenant": None,
    }


def test_no_path_ends_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    forged = f'/a{LINE_ENDS}{{"event":"request","path":"/forged"}}'
    text, line = logged(capfd, PATH_INFO=forged)
    assert len(text.splitlines()) == 1
    assert line["path"] == forged


def test_a_long_path_is_cut(capfd: pytest.CaptureFixture[str]) -> None:
    _, line = logged(capfd, PATH_INFO="/" + "a" * 5_000)
    assert len(line["path"]) == 300


def test_whoever_asks_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    who = Principal("alice\n", tenant().id, Role.ADMIN, PERMISSIONS[Role.ADMIN])
    text, line = logged(capfd, **{PRINCIPAL: who})
    assert (line["subject"], line["tenant"]) == ("alice\n", "acme")
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("before", ["/api/v1/customers/", "/customers/"])
def test_the_log_does_not_say_which_customer(
    capfd: pytest.CaptureFixture[str], before: str
) -> None:
    text, line = logged(capfd, PATH_INFO=f"{before}jane@example.org/x")
    assert line["path"] == f"{before}…"
    assert "jane" not in text
    assert logged(capfd, PATH_INFO="/api/v1/customers")[1]["path"] == "/api/v1/customers"
