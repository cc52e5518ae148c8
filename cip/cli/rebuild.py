"""`cip rebuild`: figures made anew from the history."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cip.cli.checking import errand, tell
from cip.cli.shell import EXIT_FAILED, say

app = typer.Typer(help="Make figures anew from the history.", no_args_is_help=True)


@app.callback()
def rebuild() -> None:
    """A group, though there is one command in it as yet."""


@app.command()
def live(
    tenant: Annotated[str, typer.Option(help="Whose counters.")],
    verify: Annotated[bool, typer.Option("--verify", help="Check them afterwards.")] = False,
) -> None:
    """Count the live counters anew from the history, and put them in force in one step."""
    with errand(tenant) as task:
        started = time.monotonic()
        events = task.rebuild()
        say(f"{task.tenant}: counted {events:,} events in {time.monotonic() - started:.1f} s.")
        if not verify:
            return
        found = task.verify()
        tell(found)
    if not found.equal:
        raise typer.Exit(EXIT_FAILED)
