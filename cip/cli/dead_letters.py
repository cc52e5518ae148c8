"""`cip dead-letters`: list, show, replay and discard events that were not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from cip.cli.accounts import administration, chosen_tenant, operator, show_table
from cip.cli.shell import EXIT_FAILED, EXIT_USAGE, fail, say
from cip.domain.dead_letters import Letter, Reason
from cip.domain.errors import CipError, NotFoundError
from cip.domain.events import EventRejectedError
from cip.domain.principals import Principal
from cip.services.dead_letters import MOST_AT_ONCE, DeadLetterService, Overview, Settled

app = typer.Typer(
    help="Look at events that were not taken, replay or discard them.", no_args_is_help=True
)
_LISTED: Final = 50

TenantOption = Annotated[
    str | None, typer.Option(help="Whose dead letters (default: CIP_DEFAULT_TENANT).")
]
ReasonOption = Annotated[
    str | None, typer.Option(help="A code, such as currency, or a reason as `list` prints it.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every letter of --reason.")]
LetterArgument = Annotated[str | None, typer.Argument(help="The letter's id, as `list` prints it.")]


@app.command("list")
def list_(tenant: TenantOption = None, reason: ReasonOption = None) -> None:
    """List the reasons, or with --reason the newest letters of it."""
    who = operator(chosen_tenant(tenant))
    with administration() as admin:
        letters = admin.dead_letters
        if reason is None:
            _show_reasons(letters.overview(who))
            return
        found = [
            letter
            for one in _chosen(letters.reasons(who), reason)
            for letter in letters.page(who, one, limit=_LISTED)
        ]
    show_table(("letter", "written", "event", "type", "message"), list(map(_row, found)))


@app.command()
def show(letter: Annotated[str, typer.Argument()], tenant: TenantOption = None) -> None:
    """Show a letter: why, where from, and the event, ready to be edited in a file."""
    who = operator(chosen_tenant(tenant))
    with administration() as admin:
        found = admin.dead_letters.get(who, letter)
    origin = f"entry {found.stream_id} of the stream" if found.stream_id else "the API"
    for line in (
        f"Reason: {found.reason.key}",
        f"Message: {found.message}",
        f"From: {origin}, {found.at:%Y-%m-%d %H:%M:%S} UTC",
        *(["The payload was cut."] if found.truncated else []),
    ):
        typer.echo(line, err=True)
    say(found.editable)


@app.command()
def replay(
    letter: LetterArgument = None,
    tenant: TenantOption = None,
    reason: ReasonOption = None,
    every: AllOption = False,
    file: Annotated[
        Path | None,
        typer.Option(help="The corrected event as JSON.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Send a letter's event again, as it is or from --file; or with --all each of a reason."""
    _check_choice(letter, reason, every)
    who = operator(chosen_tenant(tenant))
    with administration() as admin:
        if letter is None:
            settled = _replay_all(admin.dead_letters, who, reason or "")
        else:
            settled = [_replay_one(admin.dead_letters, who, letter, file)]
    for one in settled:
        say(_settled_line(one))
    many = Counter(one.outcome for one in settled)
    say(", ".join(f"{number} {outcome}" for outcome, number in sorted(many.items())) or "none")
    if many["refused"]:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def discard(
    letter: LetterArgument = None,
    tenant: TenantOption = None,
    reason: ReasonOption = None,
    every: AllOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a letter for good, or with --all each of a reason."""
    _check_choice(letter, reason, every)
    who = operator(chosen_tenant(tenant))
    with administration() as admin:
        letters = admin.dead_letters
        if letter is not None:
            letters.discard(who, letter)
            say(f"Discarded {letter}.")
            return
        chosen = _chosen(letters.reasons(who), reason or "")
        names = ", ".join(one.key for one in chosen)
        if not yes:
            typer.confirm(f"Discard every letter of {names}?", abort=True)
        gone = sum(_discard_all(letters, who, one) for one in chosen)
    say(f"Discarded {gone}.")


def _check_choice(letter: str | None, reason: str | None, every: bool) -> None:
    one, all_of_it = letter is not None, reason is not None and every
    if one == all_of_it or (one and (every or reason is not None)):
        fail("give a letter, or --reason and --all.", EXIT_USAGE)


def _chosen(reasons: Iterable[Reason], wanted: str) -> list[Reason]:
    found = [one for one in reasons if wanted in (one.key, one.code)]
    if not found:
        raise NotFoundError(f"There is no dead letter of the reason {wanted}.", field="reason")
    return found


def _replay_one(
    letters: DeadLetterService, who: Principal, letter: str, file: Path | None
) -> Settled:
    edited = None if file is None else file.read_text(encoding="utf-8", errors="replace")
    try:
        return letters.replay(who, letter, edited)
    except EventRejectedError as error:
        return Settled(letter, None, "refused", error)


def _replay_all(letters: DeadLetterService, who: Principal, wanted: str) -> list[Settled]:
    settled: list[Settled] = []
    for reason in _chosen(letters.reasons(who), wanted):
        after = ""
        while chunk := letters.replay_all(who, reason, after=after):
            settled += chunk
            after = chunk[-1].letter_id
            if len(chunk) < MOST_AT_ONCE:
                break
    return settled


def _discard_all(letters: DeadLetterService, who: Principal, reason: Reason) -> int:
    gone = 0
    while many := letters.discard_all(who, reason):
        gone += many
        if many < MOST_AT_ONCE:
            break
    return gone


def _show_reasons(overview: Overview) -> None:
    rows: list[tuple[str, ...]] = [
        (
            row.reason.key,
            str(row.letters),
            f"{row.newest_at:%Y-%m-%d %H:%M:%S}" if row.newest_at else "",
            row.message,
        )
        for row in overview.rows
    ]
    show_table(("reason", "letters", "newest", "message"), rows)
    if overview.other_reasons:
        say(f"{overview.other_reasons} reasons more are not listed.")
    if overview.not_kept:
        say(f"{overview.not_kept} rejections more were counted but not kept.")


def _row(letter: Letter) -> tuple[str, ...]:
    return (
        letter.id,
        f"{letter.at:%Y-%m-%d %H:%M:%S}",
        letter.event_id or "",
        letter.type or "",
        letter.message,
    )


def _settled_line(one: Settled) -> str:
    words = f"{one.letter_id} {one.event_id or 'no id'}: {one.outcome}"
    return words if one.problem is None else f"{words}, {_why(one.problem)}"


def _why(problem: CipError) -> str:
    return f"{problem.field}: {problem.message}" if problem.field else problem.message
