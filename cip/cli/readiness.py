"""How a process says that it serves, and how `cip up` asks."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path

from cip.settings import Settings

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}  # noqa: S104 - read, not bound


def announce(ready_file: Path | None) -> None:
    """Written by a process once it serves; holds its pid, so that a dead one's word is void."""
    if ready_file is not None:
        draft = ready_file.with_suffix(f".{os.getpid()}")
        draft.write_text(str(os.getpid()), encoding="ascii")
        draft.replace(ready_file)


def announced(ready_file: Path) -> bool:
    try:
        os.kill(int(ready_file.read_text(encoding="ascii")), 0)
    except (OSError, ValueError):
        return False
    return True


def web_answer(settings: Settings, path: str) -> tuple[int, str]:
    """Status and body of a local GET; status 0 while nobody listens."""
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=3.0)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(10_000).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def unready_parts(body: str) -> str:
    """Which checks of a `/readyz` answer failed, where the answer says."""
    try:
        checks = json.loads(body).get("checks", {})
    except (ValueError, AttributeError):
        return ""
    if not isinstance(checks, dict):
        return ""
    return ", ".join(sorted(str(name) for name, state in checks.items() if not _passed(state)))


def _passed(state: object) -> bool:
    if isinstance(state, dict):
        return bool(state.get("ok"))
    return state is True or state == "ok"
