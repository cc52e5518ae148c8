"""What docs/accounts.md says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.main import get_command

from cip.auth.policy import KEY_SCOPES, PERMISSIONS
from cip.cli.main import app
from cip.domain.permissions import Permission, Role

ROLES = (Role.VIEWER, Role.ANALYST, Role.ADMIN, Role.SUPER_ADMIN)


def document(project: Path) -> str:
    return (project / "docs" / "accounts.md").read_text(encoding="utf-8")


def test_the_table_of_roles_is_the_policy(project: Path) -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in document(project).splitlines()
        if re.match(r"\| `\w+:\w+`", line)
    ]
    told = {row[0].strip("`"): row[1:] for row in rows}
    assert told == {
        permission.value: [
            *("yes" if permission in PERMISSIONS[role] else "" for role in ROLES),
            "can" if permission in KEY_SCOPES else "",
        ]
        for permission in Permission
    }


def test_the_table_of_commands_has_each_with_its_options(project: Path) -> None:
    told = {
        (noun, verb): set(re.findall(r"--[a-z-]+", options))
        for noun, verb, options in re.findall(
            r"\| `cip (\w+) ([\w-]+)[^`]*` \| ?(.*)\|", document(project)
        )
    }
    root: Any = get_command(app)
    real = {
        (noun, verb): {name for option in command.params for name in option.opts if "--" in name}
        for noun in ("tenant", "user", "key")
        for verb, command in root.commands[noun].commands.items()
    }
    # The command says it another way, from before there was `enable`.
    real["user", "disable"].discard("--enable")
    assert told == real
