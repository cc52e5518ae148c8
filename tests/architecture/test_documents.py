"""Documentation that the code can be held to."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cip.domain.events import parse_event
from cip.domain.insights import INSIGHTS
from cip.settings import VARIABLES
from tests.factories import NOW, tenant

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


def test_every_insight_its_query_and_its_figures_are_documented(project: Path) -> None:
    text = (project / "docs" / "insights.md").read_text(encoding="utf-8")
    for insight in INSIGHTS.values():
        section = text.split(f"## `{insight.slug}`\n", 1)
        assert len(section) == 2, insight.slug
        body = section[1].split("\n## ")[0]
        for name in (*insight.query.model_fields, *insight.result.model_fields):
            # What every result echoes of its query goes without saying.
            if name not in {"customers", "revenue_minor", "method", "as_of"}:
                assert f"`{name}`" in body, f"{insight.slug}: {name}"


def test_the_api_page_names_every_route_and_its_example_is_accepted(project: Path) -> None:
    text = (project / "docs" / "api.md").read_text(encoding="utf-8")
    for route in ("/auth/token", "/events", "/insights", "/insights/{slug}"):
        assert f"{route}" in text
    example = re.search(r"-d '(\{.*?\})'\n```", text, re.DOTALL)
    assert example is not None
    (event,) = json.loads(example[1])["events"]
    parsed = parse_event(event, tenant=tenant(), now=NOW)
    assert parsed.amount_minor == 8_490
