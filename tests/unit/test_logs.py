"""Logs: one JSON object per line, no forged lines, no credentials."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from cip import logs


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_newline_in_a_value_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("web")
    structlog.get_logger("t").info("login", user="eve\r\n{'event': 'forged'}\u2028")
    logging.getLogger("t").warning("given %s", "a\nb")
    first, second = lines(capsys)
    assert first["user"] == "eve\r\n{'event': 'forged'}\u2028"
    assert second["event"] == "given a\nb"
    assert second["level"] == "warning"


def test_what_a_request_binds_stands_on_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("web")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("t").info("inside")
        logging.getLogger("library").info("inside too")
    structlog.get_logger("t").info("outside")
    assert [line.get("request_id") for line in lines(capsys)] == ["r-1", "r-1", None]


def test_credentials_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("web")
    structlog.get_logger("t").info(
        "connected to redis://:hunter2@host/0",
        password="hunter2",
        headers={"Authorization": "Bearer hunter2", "Accept": "text/csv"},
    )
    text = capsys.readouterr().out
    assert "hunter2" not in text
    assert "text/csv" in text


def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ingest")
    try:
        raise ValueError("broken")  # noqa: TRY301 - that it is raised is what is logged
    except ValueError:
        structlog.get_logger("t").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: broken" in str(line["exception"])
    assert line["process"] == "ingest"
