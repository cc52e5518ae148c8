"""`cip verify` and `cip rebuild live`, as somebody at a shell sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from cip.ingest.pause import paused
from cip.store import keys
from cip.store.live import LiveCounters
from cip.store.live_shape import SEP
from tests.factories import Platform, raw_event, tenant

Cip = Callable[..., Result]
ACME = tenant().id
FIELD = f"n{SEP}web{SEP}page.viewed"


def real_time() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def shop(redis_url: str, history_root: str) -> Platform:
    """Of real time, as the commands are."""
    platform = Platform(redis_url, history_root, real_time)
    platform.add_tenant()
    events = [raw_event(customer=name, now=real_time(), minutes_ago=9) for name in "aab"]
    platform.send(*events)
    return platform


@pytest.fixture
def cip(shop: Platform, tmp_path: Path) -> Cip:
    environ = {
        "CIP_REDIS_URL": shop.redis_url,
        "CIP_HISTORY_URL": shop.history_root,
        "CIP_HOME": str(tmp_path),
        "COLUMNS": "200",
    }

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(app, arguments, env=environ | more)

    return run


def spoil(shop: Platform) -> str:
    """Adds 7 to a counter by hand; the name of its bucket."""
    counters = LiveCounters(shop.client, ACME)
    prefix = keys.live(ACME, counters.generation())
    (key,) = shop.client.keys(f"{prefix}m:*")
    shop.client.hincrby(key, FIELD, 7)
    return str(key.decode().removeprefix(prefix))


def test_equal_counters_end_it_with_0(cip: Cip) -> None:
    found = cip("verify", "--tenant", "acme")
    assert found.exit_code == 0, found.output
    first, last = found.output.splitlines()
    assert first.startswith("acme: compared ")
    assert " counters with 3 events, up to " in first
    assert last == "All equal."


def test_what_differs_is_named_and_ends_it_with_1(cip: Cip, shop: Platform) -> None:
    bucket = spoil(shop)
    found = cip("verify", "--tenant", "acme")
    assert found.exit_code == 1, found.output
    _, difference, sum_of_it = found.output.splitlines()
    assert difference == f"  {bucket} n web page.viewed: live 10, recount 3"
    assert sum_of_it == "1 differ, by 7 altogether."


def test_it_says_the_same_as_json(cip: Cip, shop: Platform) -> None:
    bucket = spoil(shop)
    found = cip("verify", "--tenant", "acme", "--json")
    assert found.exit_code == 1
    result = json.loads(found.output)
    assert result["differences"] == [{"bucket": bucket, "field": FIELD, "live": 10, "recount": 3}]
    assert (result["tenant"], result["events"], result["differing"]) == ("acme", 3, 1)
    assert (result["total_difference"], result["equal"]) == (7, False)


def test_repair_rebuilds_and_checks_again(cip: Cip, shop: Platform) -> None:
    spoil(shop)
    found = cip("verify", "--tenant", "acme", "--repair")
    assert found.exit_code == 0, found.output
    assert "1 differ, by 7 altogether." in found.output
    assert found.output.splitlines()[-1] == "All equal."
    generation = LiveCounters(shop.client, ACME).generation()
    assert generation > 0
    assert cip("verify", "--tenant", "acme", "--repair").exit_code == 0
    assert LiveCounters(shop.client, ACME).generation() == generation, "nothing to repair"


def test_rebuild_says_what_it_counted_and_how_long_it_took(cip: Cip, shop: Platform) -> None:
    spoil(shop)
    rebuilt = cip("rebuild", "live", "--tenant", "acme", "--verify")
    assert rebuilt.exit_code == 0, rebuilt.output
    first, *_, last = rebuilt.output.splitlines()
    assert first.startswith("acme: counted 3 events in ")
    assert first.endswith(" s.")
    assert last == "All equal."


@pytest.mark.parametrize("command", [("verify",), ("rebuild", "live")])
def test_it_explains_what_it_cannot_do(cip: Cip, shop: Platform, command: tuple[str, ...]) -> None:
    unknown = cip(*command, "--tenant", "nobody")
    assert (unknown.exit_code, unknown.output) == (1, "cip: There is no tenant nobody.\n")
    away = cip(*command, "--tenant", "acme", CIP_REDIS_URL="redis://127.0.0.1:9")
    assert away.exit_code == 1
    assert away.output == "cip: The data store does not answer. Try again shortly.\n"
    folder = Path(shop.history_root) / "acme"
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("in the way")
    unreadable = cip(*command, "--tenant", "acme")
    assert unreadable.exit_code == 1
    assert unreadable.output.startswith("cip: The history cannot be read: ")
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    with paused(shop.client, ACME):
        busy = cip(*command, "--tenant", "acme")
    assert busy.exit_code == 1
    assert "of this tenant's live counters is under way" in busy.output
    generation = LiveCounters(shop.client, ACME).generation()
    shop.client.set(keys.live_meta(ACME, generation), "not a hash")
    if command == ("verify",):
        broken = cip(*command, "--tenant", "acme")
        assert broken.exit_code == 1
        assert broken.output.startswith("cip: What the store holds cannot be read: WRONGTYPE")
