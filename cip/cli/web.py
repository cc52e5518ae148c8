"""`cip web`: the web server in the foreground."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cip.cli.shell import fail, read_settings
from cip.store.embedded import is_free


def web(
    reload: Annotated[
        bool, typer.Option("--reload", help="Reload the code when a file changes (development).")
    ] = False,
) -> None:
    """Serve the pages and the API (gunicorn) until SIGTERM."""
    settings = read_settings()
    if not is_free(settings.port, settings.host):
        fail(f"port {settings.port} on {settings.host} is taken; set CIP_PORT to another.")
    command = [sys.executable, "-m", "gunicorn", "-c", "python:cip.cli.gunicorn_settings"]
    if reload:
        command += ["--reload", "--workers", "1"]
    # In this process's place: signals then reach gunicorn itself.
    os.execv(sys.executable, command)  # noqa: S606 - no shell, our own arguments
