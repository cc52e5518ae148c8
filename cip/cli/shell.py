"""What the commands share: reading the settings, saying things, failing with one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from cip import failpoints
from cip.domain.errors import CipError
from cip.settings import Settings, load

EXIT_FAILED = 1
EXIT_USAGE = 2


def say(line: str) -> None:
    typer.echo(line)


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    typer.secho(f"cip: {message}", err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


@contextmanager
def explained() -> Iterator[None]:
    """What the platform can explain becomes a line on standard error and an exit status."""
    try:
        yield
    except CipError as error:
        fail(error.message)


def read_settings() -> Settings:
    """The settings, or a clear end of the command."""
    with explained():
        settings = load()
        failpoints.arm(settings.failpoints)
    return settings
