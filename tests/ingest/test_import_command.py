"""`cip import` as a person meets it: what it says, what it leaves, how it ends."""

from __future__ import annotations

import gzip
import os
import pwd
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cip.cli.main import app
from cip.domain.errors import UnavailableError
from cip.domain.tenants import TenantId
from cip.history import query
from cip.history.table import HistoryTable
from cip.store import keys
from cip.store.audit import AuditStore
from cip.store.client import Redis, connect
from cip.store.live import LiveCounters
from cip.store.tenants import TenantStore
from tests import recounting
from tests.audit_logs import store as audit_store

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


def test_an_import_its_undo_and_the_tenant_that_it_made_are_on_record(
    cip: Cip, orders: str, table: HistoryTable, redis_url: str
) -> None:
    audit = audit_store(redis_url)
    done = cip(orders, "--preset", "orders", "--tenant", "shop", "--currency", "GBP")
    import_id = _import_id(done.output)
    whole = {"events": 5, "rows": 3}
    assert entries(audit, table.tenant) == [("import.added", import_id, whole)]
    made = audit.page(None, limit=1)[0].event
    assert (made.action, made.target) == ("tenant.created", "shop")
    assert made.after is not None
    assert made.after["currency"] == "GBP"
    cip(orders, "--preset", "orders", "--tenant", "shop", "--dry-run")
    cip(orders, "--preset", "orders", "--tenant", "shop")
    assert len(entries(audit, table.tenant)) == 1  # they added nothing
    for _ in range(2):
        cip("--undo", import_id)
    assert entries(audit, table.tenant)[1:] == [("import.undone", import_id, None)]
    account = pwd.getpwuid(os.getuid()).pw_name
    written = [entry.event for log in (None, table.tenant) for entry in audit.walk(log)]
    assert {(event.subject, event.source) for event in written} == {(f"cli:{account}", "cli")}


@pytest.mark.parametrize("undoing", [False, True])
def test_what_cannot_be_recorded_is_neither_imported_nor_undone(
    cip: Cip, orders: str, table: HistoryTable, monkeypatch: pytest.MonkeyPatch, undoing: bool
) -> None:
    add = (orders, "--preset", "orders", "--tenant", "shop")
    undo = ("--undo", _import_id(cip(*add).output))
    if not undoing:
        cip(*undo)
    before = count(table)

    def away(*_: object) -> None:
        raise UnavailableError("Redis does not answer.")

    monkeypatch.setattr(AuditStore, "append", away)
    again = cip(*(undo if undoing else add))
    assert again.exit_code == 1
    assert "Redis does not answer." in again.output
    assert count(table) == before == ((5, 5) if undoing else (0, 0))


def entries(audit: AuditStore, tenant: TenantId) -> list[tuple[str, str, object]]:
    return [(e.event.action, e.event.target, e.event.after) for e in audit.walk(tenant)]


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


@pytest.mark.parametrize("content", [b"customer_id,order_date,revenue\n1,yesterday,2\n", b"\xff"])
def test_a_failed_import_leaves_no_new_tenant(
    cip: Cip, tmp_path: Path, table: HistoryTable, redis_url: str, content: bytes
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    assert cip(str(path), "--preset", "orders", "--tenant", "shop").exit_code == 1
    client = connect(redis_url)
    assert TenantStore(client, client).ids() == []
    assert not table.exists()
    assert client.keys("*shop*") == []


def test_a_file_that_breaks_off_leaves_no_new_tenant(
    cip: Cip, tmp_path: Path, table: HistoryTable, redis_url: str
) -> None:
    """The header is readable; what breaks off comes later."""
    path = tmp_path / "broken.csv.gz"
    rows = "".join(f"{number},2021-11-01,{number}\n" for number in range(500_000))
    packed = gzip.compress(b"customer_id,order_date,revenue\n" + rows.encode())
    path.write_bytes(packed[: len(packed) // 2])
    done = cip(str(path), "--preset", "orders", "--tenant", "shop")
    assert done.exit_code == 1
    assert "cannot be read" in done.output.replace("\n", " ")
    client = connect(redis_url)
    assert TenantStore(client, client).ids() == []
    assert not table.exists()


def test_a_command_says_nothing_but_its_answer(environ: dict[str, str], orders: str) -> None:
    process = subprocess.run(
        command(orders), env={**os.environ, **environ}, check=True, capture_output=True, text=True
    )
    assert "live rebuilt" not in process.stdout + process.stderr
    assert process.stderr == ""


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
    rehearsal = [*command(str(path)), "--dry-run"]
    length = _seconds(rehearsal, environment, project) * 1.2
    codes = []
    for _ in range(8):
        after = length * spread.uniform(0.4, 1.1)
        codes.append(_kill(command(str(path)), environment, project, after))
        assert count(table) in {(0, 0), whole} if table.exists() else True
    assert -signal.SIGKILL in codes
    finished = subprocess.run(
        command(str(path)), env=environment, cwd=project, check=True, capture_output=True
    )
    assert b"Import id" in finished.stdout
    assert count(table) == whole
    assert list(table.folder.glob("import-*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("then", ["undo", "import"])
def test_an_undo_killed_at_any_moment_is_ended_by_the_next_command(
    then: str,
    environ: dict[str, str],
    tmp_path: Path,
    table: HistoryTable,
    project: Path,
    redis_url: str,
) -> None:
    """Live counters equal a recount of the history after it, wherever the kill struck."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = "".join(f"c{number},{today},{number}.00\n" for number in range(2_000))
    path = tmp_path / "many.csv"
    path.write_text("customer_id,order_date,revenue\n" + rows)
    client = connect(redis_url)
    environment = {**os.environ, **environ}
    spread = random.Random(11)
    codes = []
    taken = _run(command(str(path)), environment, project)
    undo = [sys.executable, "-m", "cip.cli.main", "import", "--undo", _import_id(taken)]
    length = _seconds(undo, environment, project)
    for _ in range(6):
        taken = _run(command(str(path)), environment, project)
        assert count(table) == (2_000, 2_000)
        codes.append(_kill(undo, environment, project, length * spread.uniform(0.4, 0.95)))
        left, _ids = count(table)
        assert left in {0, 2_000}
        _let_the_pause_lapse(client, table.tenant)
        next_one = undo if then == "undo" else command(str(path))
        subprocess.run(next_one, env=environment, cwd=project, check=False, capture_output=True)
        expected = 0 if then == "undo" else 2_000
        counted = recounting.counters_equal_history(
            client, str(table.folder.parent), table.tenant, datetime.now(UTC)
        )
        assert counted == expected
    assert -signal.SIGKILL in codes


def _import_id(said: str) -> str:
    return said.split("Import id: ")[1].strip()


def _seconds(command_line: list[str], environment: dict[str, str], project: Path) -> float:
    """How long the command takes here and now: kills are set by it, not by a clock's seconds."""
    began = time.monotonic()
    _run(command_line, environment, project)
    return time.monotonic() - began


def _kill(
    command_line: list[str], environment: dict[str, str], project: Path, after_seconds: float
) -> int:
    """Starts the command, kills it then unless it has ended; its exit code."""
    process = subprocess.Popen(
        command_line, env=environment, cwd=project, stdout=subprocess.DEVNULL
    )
    try:
        return process.wait(timeout=after_seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait()


def _run(command_line: list[str], environment: dict[str, str], project: Path) -> str:
    done = subprocess.run(
        command_line, env=environment, cwd=project, check=True, capture_output=True, text=True
    )
    return done.stdout


def _let_the_pause_lapse(client: Redis, tenant: TenantId) -> None:
    """As it does within a minute of itself, for which the next command would wait."""
    client.delete(keys.live_paused(tenant))
