"""Documentation that the code can be held to."""

from __future__ import annotations

import re
from pathlib import Path

from cip.settings import VARIABLES

_ROW = re.compile(r"^\| `(CIP_[A-Z_]+)` \| (?:`([^`]*)`|\(empty\)) \| (.+) \|$", re.MULTILINE)


def test_the_settings_page_lists_exactly_the_settings(project: Path) -> None:
    rows = _ROW.findall((project / "docs" / "settings.md").read_text(encoding="utf-8"))
    assert {name: default for name, default, _ in rows} == {
        variable.name: variable.default for variable in VARIABLES.values()
    }
    assert len(rows) == len(VARIABLES)


def test_the_settings_page_names_every_alias_and_secret_file(project: Path) -> None:
    text = (project / "docs" / "settings.md").read_text(encoding="utf-8")
    wanted = {alias for variable in VARIABLES.values() for alias in variable.aliases}
    wanted |= {variable.file_name for variable in VARIABLES.values() if variable.secret}
    assert {name for name in wanted if f"`{name}`" not in text} == set()
    named_files = set(re.findall(r"`(CIP_[A-Z_]+_FILE)`", text))
    assert named_files <= wanted


def test_the_readme_names_every_make_target_for_people(project: Path) -> None:
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    readme = (project / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r'^\t@echo "make (\w+)', makefile, re.MULTILINE)
    assert len(targets) >= 4
    assert [target for target in targets if f"make {target}" not in readme] == []


def test_every_decision_record_is_short_and_numbered(project: Path) -> None:
    records = sorted((project / "docs" / "adr").glob("*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(record.name[:4])}. "), record.name
        assert "Status:" in text, record.name
