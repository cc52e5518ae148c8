"""`cip user`: users, their places in tenants, and how they get in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cip.cli.accounts import administration, chosen_tenant, operator, show_table
from cip.cli.shell import explained, read_settings, say
from cip.domain.permissions import Role
from cip.domain.tenants import TenantId, tenant_id
from cip.domain.users import User
from cip.services.people import Invited
from cip.settings import Settings

app = typer.Typer(help="Users: who may sign in, where, as what.", no_args_is_help=True)

TenantOption = Annotated[str, typer.Option(help="The tenant that it is about.")]
OwnTenantOption = Annotated[
    str | None, typer.Option(help="The tenant they belong to (default: CIP_DEFAULT_TENANT).")
]
PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@app.command()
def create(
    username: str,
    tenant: OwnTenantOption = None,
    role: Annotated[Role, typer.Option(help="What the user may do there.")] = Role.VIEWER,
    name: Annotated[str | None, typer.Option(help="Their name (default: the user name).")] = None,
    super_admin: Annotated[
        bool, typer.Option("--super-admin", help="Lets them run the whole platform.")
    ] = False,
    password_stdin: PasswordStdinOption = False,
) -> None:
    """Make a user. The password is asked for: it never stands in a command line."""
    home = chosen_tenant(tenant)
    password = _read_password(password_stdin)
    with administration() as admin:
        user = admin.platform_people.create(
            operator(home), username, password, home, role, name=name, super_admin=super_admin
        )
    also = ", super admin of the platform" if super_admin else ""
    say(f"Made the user {user.username}, {role} of {home}{also}.")


@app.command()
def invite(
    username: str,
    tenant: OwnTenantOption = None,
    role: Annotated[Role, typer.Option(help="What the user may do there.")] = Role.VIEWER,
    name: Annotated[str | None, typer.Option(help="Their name (default: the user name).")] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="A new link; the one before stops working.")
    ] = False,
) -> None:
    """Give somebody a place in a tenant, and print the link that sets their password, once."""
    who = operator(chosen_tenant(tenant))
    with administration() as admin:
        admin.accounts.tenants.get(who.tenant)
        if renew:
            invited = admin.people.renew_invitation(who, username)
        else:
            invited = admin.people.invite(who, username, name or username, role)
    _say_invited(invited, who.tenant, read_settings())


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only members of this tenant.")] = None,
) -> None:
    """List the users."""
    wanted = None if tenant is None else _tenant(tenant)
    with administration() as admin:
        found = admin.platform_people.all(operator())
    rows = [_row(user) for user in found if wanted is None or wanted in user.memberships]
    show_table(("user", "name", "roles", "state"), rows)


@app.command("role")
def change_role(username: str, role: Role, tenant: TenantOption) -> None:
    """Change what a member of a tenant may do there."""
    who = operator(_tenant(tenant))
    with administration() as admin:
        admin.people.change_role(who, username, role)
    say(f"{username} is {role} of {who.tenant}.")


@app.command()
def remove(username: str, tenant: TenantOption) -> None:
    """Take a user's place in a tenant away."""
    who = operator(_tenant(tenant))
    with administration() as admin:
        admin.people.remove(who, username)
    say(f"{username} has no place in {who.tenant} any more.")


@app.command()
def disable(
    username: str,
    enable: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False,
) -> None:
    """Disable a user: they cannot sign in, and what they signed in with ends."""
    _set_disabled(username, not enable)


@app.command()
def enable(username: str) -> None:
    """Let a disabled user in again."""
    _set_disabled(username, False)


@app.command()
def password(username: str, password_stdin: PasswordStdinOption = False) -> None:
    """Set a user's password, and end all that they signed in with."""
    text = _read_password(password_stdin)
    with administration() as admin:
        admin.platform_people.set_password(operator(), username, text)
    say(f"{username} has a new password.")


@app.command("super-admin")
def super_admin(
    username: str,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it away.")] = False,
) -> None:
    """Let a user run the whole platform."""
    with administration() as admin:
        admin.platform_people.set_super_admin(operator(), username, not revoke)
    say(f"{username} is {'no super admin any more' if revoke else 'super admin'}.")


def _tenant(name: str) -> TenantId:
    with explained():
        return tenant_id(name)


def _set_disabled(username: str, disabled: bool) -> None:
    with administration() as admin:
        admin.platform_people.set_disabled(operator(), username, disabled)
    say(f"{'Disabled' if disabled else 'Enabled'} the user {username}.")


def _say_invited(invited: Invited, tenant: TenantId, settings: Settings) -> None:
    if invited.code is None or invited.expires_at is None:
        say(f"{invited.username} has an account already, and now a place in {tenant}.")
        return
    say(f"Invited {invited.username} to {tenant}. The link works once, until")
    say(f"{invited.expires_at:%Y-%m-%d %H:%M} UTC, and is not shown again:")
    say(_address(settings, f"/join#{invited.code}"))


def _address(settings: Settings, path: str) -> str:
    """Where a browser finds this path; in production only `CIP_PUBLIC_URL` can know."""
    if settings.public_url or not settings.production:
        return (settings.public_url or f"http://{settings.host}:{settings.port}") + path
    return f"{path}, behind the platform's own address"


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _row(user: User) -> tuple[str, ...]:
    roles = ", ".join(f"{tenant}: {role}" for tenant, role in sorted(user.memberships.items()))
    if user.super_admin:
        roles = f"super admin; {roles}"
    state = "disabled" if user.disabled else "active" if user.password_hash else "invited"
    return user.username, user.name, roles, state
