"""`cip dead-letters`: the twin of the page, for the one who runs the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from cip.domain.tenants import tenant_id
from cip.store import keys
from tests.factories import Platform, raw_event

Cip = Callable[..., Result]
ACME = tenant_id("acme")
DOLLARS = {"amount_minor": 500, "currency": "USD"}


@pytest.fixture
def cip(platform: Platform, tmp_path: Path) -> Cip:
    environ = {
        "CIP_REDIS_URL": platform.redis_url,
        "CIP_HOME": str(tmp_path),
        "CIP_SECRET_KEY": "a secret of these tests, long enough to be one",
        "CIP_DEFAULT_TENANT": "acme",
        "COLUMNS": "200",
    }

    def run(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, ("dead-letters", *arguments), env=environ, input=stdin)

    return run


@pytest.fixture
def rejected(platform: Platform) -> list[dict[str, Any]]:
    """Two purchases in dollars and an event without a type, of the present hour."""
    now = datetime.now(UTC)
    purchase: dict[str, Any] = {"kind": "purchase.completed", "properties": DOLLARS, "now": now}
    events = [
        raw_event(event_id="one", **purchase),
        raw_event(event_id="two", **purchase),
        raw_event(event_id="three", kind="", now=now),
    ]
    assert len(platform.services.ingestion.accept(ACME, events).rejected) == 3
    return events


def letter_ids(cip: Cip, reason: str) -> list[str]:
    lines = cip("list", "--reason", reason).output.splitlines()
    return [line.split()[0] for line in lines[1:]]


@pytest.mark.usefixtures("rejected")
def test_reasons_and_then_their_letters_are_listed(cip: Cip) -> None:
    listed = cip("list", "--tenant", "acme")
    assert listed.exit_code == 0, listed.output
    first, second = listed.output.splitlines()[1:]
    assert first.split()[:2] == ["api:currency:properties.currency", "2"]
    assert second.split()[:2] == ["api:missing:type", "1"]
    newest, oldest = cip("list", "--reason", "currency").output.splitlines()[1:]
    assert newest.split()[3:5] == ["two", "purchase.completed"]
    assert oldest.split()[3:5] == ["one", "purchase.completed"]
    assert cip("list", "--reason", "nothing").exit_code == 1


@pytest.mark.usefixtures("rejected")
def test_a_letter_is_shown_corrected_in_a_file_and_replayed_once(
    cip: Cip, platform: Platform, tmp_path: Path
) -> None:
    (letter,) = letter_ids(cip, "missing")
    shown = cip("show", letter)
    assert "Reason: api:missing:type" in shown.stderr
    event = orjson.loads(shown.stdout)
    assert event["event_id"] == "three"
    file = tmp_path / "edited.json"
    file.write_bytes(orjson.dumps({**event, "type": 7}))
    refused = cip("replay", letter, "--file", str(file))
    assert refused.exit_code == 1
    assert "refused, type: This field is a string." in refused.output
    file.write_bytes(orjson.dumps({**event, "type": "page.viewed"}))
    done = cip("replay", letter, "--file", str(file))
    assert done.output.splitlines() == [f"{letter} three: replayed", "1 replayed"]
    assert platform.client.xlen(keys.events(ACME)) == 1
    again = cip("replay", letter, "--file", str(file))
    assert again.exit_code == 1
    assert "no such letter" in again.output


@pytest.mark.usefixtures("rejected")
def test_a_whole_reason_is_replayed_after_the_tenant_is_corrected(
    cip: Cip, platform: Platform
) -> None:
    refused = cip("replay", "--reason", "currency", "--all")
    assert (refused.exit_code, refused.output.splitlines()[-1]) == (1, "2 refused")
    platform.services.accounts.tenants.change(
        ACME, lambda one: one.model_copy(update={"currency": "USD"})
    )
    done = cip("replay", "--reason", "api:currency:properties.currency", "--all")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "2 replayed")
    assert platform.client.xlen(keys.events(ACME)) == 2


@pytest.mark.usefixtures("rejected")
def test_one_and_then_all_of_a_reason_are_discarded_when_confirmed(
    cip: Cip, platform: Platform
) -> None:
    first, _ = letter_ids(cip, "currency")
    assert cip("discard", first).output == f"Discarded {first}.\n"
    assert cip("discard", "--reason", "currency", "--all", stdin="n\n").exit_code == 1
    assert platform.client.xlen(keys.dead_letters(ACME)) == 2
    done = cip("discard", "--reason", "currency", "--all", stdin="y\n")
    assert done.output.splitlines()[-1] == "Discarded 1."
    assert cip("discard", "--reason", "missing", "--all", "--yes").output == "Discarded 1.\n"
    assert platform.client.xlen(keys.events(ACME)) == 0
    assert platform.client.xlen(keys.dead_letters(ACME)) == 0


def test_all_of_a_code_are_more_than_a_list_of_reasons_shows(cip: Cip, platform: Platform) -> None:
    now = datetime.now(UTC)
    events = [{**raw_event(now=now), f"field_{number}": 1} for number in range(130)]
    assert len(platform.services.ingestion.accept(ACME, events).rejected) == 130
    chosen = ("--reason", "unknown_field", "--all")
    refused = cip("replay", *chosen)
    assert (refused.exit_code, refused.output.splitlines()[-1]) == (1, "130 refused")
    assert cip("discard", *chosen, "--yes").output == "Discarded 130.\n"
    assert platform.client.xlen(keys.dead_letters(ACME)) == 0


@pytest.mark.usefixtures("rejected")
def test_another_tenants_letter_is_not_found(cip: Cip, platform: Platform) -> None:
    platform.add_tenant("other")
    (letter,) = letter_ids(cip, "missing")
    for command in ("show", "replay", "discard"):
        refused = cip(command, letter, "--tenant", "other")
        assert refused.exit_code == 1
        assert "no such letter" in refused.output
    assert letter_ids(cip, "missing") == [letter]


@pytest.mark.parametrize(
    "arguments",
    [(), ("1-1", "--all"), ("1-1", "--reason", "x"), ("--reason", "x"), ("--all",)],
)
def test_it_takes_a_letter_or_all_of_a_reason(cip: Cip, arguments: tuple[str, ...]) -> None:
    assert cip("replay", *arguments).exit_code == 2
    assert cip("discard", *arguments).exit_code == 2
