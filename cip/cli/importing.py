"""`cip import`: a file into a tenant's history, or one import out of it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cip.cli.shell import explained, read_settings
from cip.domain.errors import InvalidInputError
from cip.ingest.imports.plan import Wishes, parse_pairs, parse_properties
from cip.ingest.imports.presets import PRESETS

_MAP = "FIELD=COLUMN, once per field: customer_id, occurred_at, type, event_id, amount, …"


def import_(
    file: Annotated[
        Path | None, typer.Argument(help="CSV (also .gz), Parquet, JSON lines.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose history. A new one is made.")] = "",
    map_: Annotated[list[str] | None, typer.Option("--map", help=_MAP)] = None,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property", help="NAME=COLUMN or NAME:integer=COLUMN, also number, boolean."
        ),
    ] = None,
    preset_: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "",
    type_: Annotated[str, typer.Option("--type", help="The type of every event.")] = "",
    channel: Annotated[str, typer.Option(help="The channel of every event.")] = "",
    currency: Annotated[str, typer.Option(help="Of the file's amounts, and of a new tenant.")] = "",
    timezone: Annotated[
        str, typer.Option(help="Of a new tenant; times without zone are in it.")
    ] = "",
    time_format: Annotated[
        str, typer.Option(help="Such as %d/%m/%Y %H:%M; or epoch, epoch_ms. Default: ISO 8601.")
    ] = "",
    delimiter: Annotated[str, typer.Option(help="Of a CSV; found out by default.")] = "",
    encoding: Annotated[str, typer.Option(help="Such as cp1252.")] = "utf-8",
    decimal_comma: Annotated[bool, typer.Option(help="Amounts are written 12,50.")] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rejected rows go. Default: FILE.rejected.csv.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and check all, write nothing.")] = False,
    undo: Annotated[str, typer.Option(metavar="IMPORT_ID", help="Take this import back.")] = "",
) -> None:
    """Import a file of events into a tenant's history; repeating an import adds nothing."""
    from cip.cli import import_run  # heavy: only this command needs the history

    settings = read_settings()
    with explained():
        if undo:
            import_run.undo(settings, undo, tenant)
            return
        if file is None or not tenant:
            raise InvalidInputError("Give a FILE and --tenant, or --undo IMPORT_ID.")
        wishes = Wishes(
            fields=parse_pairs(map_ or (), "--map"),
            properties=parse_properties(property_ or ()),
            type=type_ or None,
            channel=channel or None,
            time_format=time_format or None,
            decimal_comma=decimal_comma,
        )
        import_run.import_file(
            settings,
            import_run.Errand(
                file,
                tenant,
                wishes,
                preset_,
                currency,
                timezone,
                _mark(delimiter),
                encoding,
                rejected,
                dry_run,
            ),
        )


def _mark(delimiter: str) -> str | None:
    mark = "\t" if delimiter in ("\\t", "tab") else delimiter
    if len(mark) > 1:
        raise InvalidInputError("--delimiter is one character.", field="--delimiter")
    return mark or None
