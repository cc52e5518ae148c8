"""`cip verify`: whether the live counters are what the history says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
import typer

from cip.cli.checking import errand, tell
from cip.cli.shell import EXIT_FAILED, say


def verify(
    tenant: Annotated[str, typer.Option(help="Whose counters.")],
    repair: Annotated[
        bool, typer.Option(help="Where something differs, rebuild the counters and check again.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The result as one line of JSON.")] = False,
) -> None:
    """Compare every live counter with a recount of the history. Status 1 where they differ.

    Counting waits meanwhile (no figure is lost), and goes on when this ends, however it ends.
    """
    with errand(tenant) as task:
        found = task.verify()
        if repair and found.differing:
            if not json:
                tell(found)
                say("Rebuilding the live counters.")
            task.rebuild()
            found = task.verify()
    if json:
        result = asdict(found) | {"equal": found.equal}
        say(orjson.dumps(result).decode())
    else:
        tell(found)
    if not found.equal:
        raise typer.Exit(EXIT_FAILED)
