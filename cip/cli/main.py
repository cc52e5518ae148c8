"""The `cip` program: which commands there are. Each lives in a module of its own."""

from __future__ import annotations

import typer

from cip import __version__, logs
from cip.cli import audit, customer, dead_letters, key, rebuild, tenant, user
from cip.cli.demo import demo
from cip.cli.doctor import doctor
from cip.cli.importing import import_
from cip.cli.ingest import ingest
from cip.cli.jobs import jobs
from cip.cli.up import up
from cip.cli.verify import verify
from cip.cli.web import web

app = typer.Typer(
    help="The Customer Intelligence Platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command()(up)
app.command()(web)
app.command()(ingest)
app.command()(jobs)
app.command()(demo)
app.command("import")(import_)
app.command()(doctor)
app.command()(verify)
app.add_typer(tenant.app, name="tenant")
app.add_typer(user.app, name="user")
app.add_typer(key.app, name="key")
app.add_typer(audit.app, name="audit")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(customer.app, name="customer")
app.add_typer(rebuild.app, name="rebuild")


@app.callback()
def prepare() -> None:
    # What a command says is for people; the long-running ones turn to their own log afterwards.
    logs.configure("cip", "WARNING", "stderr")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


if __name__ == "__main__":
    app()
