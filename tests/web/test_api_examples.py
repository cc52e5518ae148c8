"""What the API's page says to type works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from dash import Dash
from werkzeug.serving import make_server

from cip.client import Client
from tests.factories import raw_event

_SHOWN = "http://127.0.0.1:8050"


@pytest.fixture
def url(app: Dash) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(project: Path) -> str:
    return (project / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_lines_for_a_shell_send_events(
    page: str, url: str, api_key: str, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    lines = b"\n".join(orjson.dumps(raw_event()) for _ in range(2))
    (tmp_path / "events.jsonl").write_bytes(lines)
    examples = re.findall(r"```\n(.*?)```", page, re.DOTALL)
    accepted = []
    for example in examples:
        done = subprocess.run(
            ["sh", "-c", example.replace(_SHOWN, url)],
            env={**os.environ, "KEY": api_key},
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        accepted.append(json.loads(done.stdout)["accepted"])
    assert accepted == [1, 2]


def test_the_lines_of_python_send_events(
    page: str, url: str, api_key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example.replace(_SHOWN, url), "docs/api.md", "exec"), {"key": api_key})  # noqa: S102
    assert capsys.readouterr().out == "2 0 ()\n"


def test_the_client_and_the_platform_understand_each_other(url: str, api_key: str) -> None:
    events: list[dict[str, Any]] = [raw_event() for _ in range(2_500)]
    events[1_700]["occurred_at"] = "yesterday"
    with Client(url, api_key) as client:
        result = client.send(events)
        again = client.send(events)
    assert (result.accepted, result.duplicates) == (2_499, 0)
    assert (again.accepted, again.duplicates) == (0, 2_499)
    (rejected,) = result.rejected
    assert (rejected.index, rejected.field) == (1_700, "occurred_at")
    assert rejected.event_id == events[1_700]["event_id"]
