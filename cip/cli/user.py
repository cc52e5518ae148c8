"""`cip user`: make, list and disable users."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cip.cli.accounts import account_service, show_table
from cip.cli.shell import explained, say
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.domain.users import User

app = typer.Typer(help="Make, list and disable users.", no_args_is_help=True)


@app.command()
def create(
    username: str,
    tenant: Annotated[str, typer.Option(help="The tenant the user belongs to.")],
    role: Annotated[Role, typer.Option(help="What the user may do there.")] = Role.VIEWER,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make a user. The password is asked for: it never stands in a command line."""
    with explained():
        home = tenant_id(tenant)
    password = _read_password(password_stdin)
    with account_service() as accounts:
        user = accounts.create_user(username, password, home, role)
    say(f"Made the user {user.username}, {role} of {home}.")


@app.command("list")
def list_() -> None:
    """List the users."""
    with account_service() as accounts:
        found = accounts.users.all()
    show_table(("user", "roles", "state"), [_row(user) for user in found])


@app.command()
def disable(
    username: str,
    enable: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False,
) -> None:
    """Disable a user: they cannot sign in, and what they signed in with ends."""
    with account_service() as accounts:
        accounts.disable_user(username, disabled=not enable)
    say(f"{'Enabled' if enable else 'Disabled'} the user {username}.")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _row(user: User) -> tuple[str, str, str]:
    roles = ", ".join(f"{tenant}: {role}" for tenant, role in sorted(user.memberships.items()))
    if user.super_admin:
        roles = f"super admin; {roles}"
    return user.username, roles, "disabled" if user.disabled else "active"
