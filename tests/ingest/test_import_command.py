"""`cip import` as a person meets it: what it says, what it leaves, how it ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from cip.domain.tenants import TenantId
from cip.history import query
from cip.history.table import HistoryTable
from cip.store.client import connect
from cip.store.live import LiveCounters
from cip.store.tenants import TenantStore

Cip = Callable[..., Result]
ORDERS = (
    "customer_id,order_date,revenue,first_name,last_name\n"
    "1,2021-11-01,10.00,Ann,Lee\n"
    "2,2021-11-02,20.50,Bo,Ek\n"
    "2,2021-11-03,1.00,Bo,Ek\n"
    ",2021-11-03,1.00,No,One\n"
)


@pytest.fixture
def environ(redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {"CIP_REDIS_URL": redis_url, "CIP_HOME": str(tmp_path / "home"), "COLUMNS": "200"}


@pytest.fixture
def cip(environ: dict[str, str]) -> Cip:
    return lambda *arguments: CliRunner().invoke(app, ["import", *arguments], env=environ)


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return str(path)


@pytest.fixture
def table(tmp_path: Path) -> HistoryTable:
    return HistoryTable(str(tmp_path / "home" / "history"), TenantId("shop"))


def count(table: HistoryTable) -> tuple[int, int]:
    """Events, and different event ids."""
    with query.connect(table) as connection:
        statement = "SELECT count(*), count(DISTINCT event_id) FROM events"
        [(events, ids)] = connection.execute(statement).fetchall()
    return events, ids


def test_a_new_tenant_is_made_and_said_and_the_counts_are_printed(cip: Cip, orders: str) -> None:
    done = cip(orders, "--preset", "orders", "--tenant", "shop", "--currency", "GBP")
    assert done.exit_code == 0, done.output
    assert "The tenant shop is new and was made (GBP, UTC)." in done.output
    assert "5 events added, 0 were in the history already" in done.output
    assert "missing customer_id" in done.output
    assert Path(f"{orders}.rejected.csv").read_text().splitlines()[1].startswith('4,"missing"')


def test_a_repeat_adds_nothing_and_an_undo_leaves_nothing(
    cip: Cip, orders: str, table: HistoryTable, redis_url: str
) -> None:
    live = LiveCounters(connect(redis_url), table.tenant)
    cip(orders, "--preset", "orders", "--tenant", "shop")
    assert live.newest_us(live.generation()) == 1_635_897_600_000_000  # 2021-11-03
    again = cip(orders, "--preset", "orders", "--tenant", "shop")
    assert again.exit_code == 0
    assert "0 events added, 5 were in the history already" in again.output
    import_id = again.output.split("Import id: ")[1].strip()
    undone = cip("--undo", import_id)
    assert undone.exit_code == 0, undone.output
    assert f"Removed 5 events of the import {import_id} from shop." in undone.output
    assert count(table) == (0, 0)
    assert live.newest_us(live.generation()) is None
    twice = cip("--undo", import_id, "--tenant", "shop")
    assert twice.exit_code == 1
    assert "There is nothing of the import" in twice.output


def test_a_dry_run_makes_no_tenant_no_history_and_no_file(
    cip: Cip, orders: str, table: HistoryTable, redis_url: str, environ: dict[str, str]
) -> None:
    done = cip(orders, "--preset", "orders", "--tenant", "shop", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "5 events would be added" in done.output
    client = connect(redis_url)
    assert TenantStore(client, client).ids() == []
    assert not Path(environ["CIP_HOME"]).exists() or not table.folder.exists()
    assert not Path(f"{orders}.rejected.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--preset", "order"),
            "--preset order: there is no such preset. There are: online-retail",
        ),
        (("--map", "customer_id=kunde"), "no column 'kunde'. It has: customer_id, order_date"),
        (("--map", "customer_id"), "give it as FIELD=COLUMN"),
        (("--preset", "orders", "--currency", "euro"), "--currency is three capital letters"),
        (("--preset", "orders", "--encoding", "klingon"), "no encoding 'klingon'"),
        (("--preset", "orders", "--delimiter", "::"), "--delimiter is one character"),
        (("--preset", "orders", "--rejected", "/nowhere/at/all.csv"), "--rejected"),
    ],
)
def test_bad_arguments_end_with_one_and_name_the_option(
    cip: Cip, orders: str, arguments: tuple[str, ...], said: str
) -> None:
    done = cip(orders, "--tenant", "shop", *arguments)
    assert done.exit_code == 1
    assert said in done.output.replace("\n", " ")


def test_a_file_with_nothing_importable_ends_with_one(cip: Cip, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("customer_id,order_date,revenue\n1,yesterday,2\n")
    done = cip(str(path), "--preset", "orders", "--tenant", "shop")
    assert done.exit_code == 1
    assert "nothing that can be imported" in done.output


def test_amounts_of_another_currency_are_not_taken_unasked(cip: Cip, orders: str) -> None:
    cip(orders, "--preset", "orders", "--tenant", "shop", "--currency", "GBP")
    refused = cip(orders, "--preset", "orders", "--tenant", "shop", "--currency", "USD")
    assert refused.exit_code == 1
    assert "--currency GBP" in refused.output


def command(orders: str) -> list[str]:
    own = (sys.executable, "-m", "cip.cli.main", "import", orders)
    return [*own, "--preset", "orders", "--tenant", "shop"]


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_all_or_nothing_and_a_repeat_ends_it(
    environ: dict[str, str], tmp_path: Path, table: HistoryTable, project: Path
) -> None:
    rows = "".join(f"c{number},2021-11-01,{number}.00,A,B\n" for number in range(2_000))
    path = tmp_path / "many.csv"
    path.write_text("customer_id,order_date,revenue,first_name,last_name\n" + rows)
    spread = random.Random(7)
    environment = {**os.environ, **environ}
    whole = (4_000, 4_000)
    for _ in range(8):
        process = subprocess.Popen(
            command(str(path)), env=environment, cwd=project, stdout=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=spread.uniform(0.8, 2.4))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert count(table) in {(0, 0), whole} if table.exists() else True
    finished = subprocess.run(
        command(str(path)), env=environment, cwd=project, check=True, capture_output=True
    )
    assert b"Import id" in finished.stdout
    assert count(table) == whole
