"""From the command line to the API: the public figures, through every part but the browser."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import wsgi
from cip.cli.main import app as cli
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from cip.settings import Settings
from tests.factories import Platform
from tests.web.conftest import PASSWORD, sign_in
from tests.web.test_api import post, run_jobs

pytestmark = pytest.mark.realdata

WHOLE_SPAN = {"period": {"start": "2010-12-01T00:00:00Z", "end": "2011-12-10T00:00:00Z"}}


class Command:
    """`cip import` on the test's own server and folder."""

    def __init__(self, redis_url: str, home: Path) -> None:
        self.environment = {"CIP_REDIS_URL": redis_url, "CIP_HOME": str(home)}
        self.history_root = str(home / "history")

    def __call__(self, *arguments: str) -> str:
        answer = CliRunner().invoke(cli, ["import", *arguments], env=self.environment)
        assert answer.exit_code == 0, answer.output
        return answer.output


@pytest.fixture
def import_(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in ("CIP_HOME", "CIP_REDIS_URL", "CIP_PORT", "CIP_DEMO"):
        monkeypatch.delenv(name, raising=False)
    return Command(redis_url, tmp_path / "home")


def analyst(import_: Command, platform: Platform, tenant: str) -> Any:
    platform.history_root = import_.history_root
    platform.services.accounts.create_user("ann", PASSWORD, tenant_id(tenant), Role.ANALYST)
    settings = Settings.from_env(import_.environment)
    return sign_in(wsgi.create_app(settings, platform.services), "ann")


def answered(client: Any, platform: Platform, slug: str, query: Any, **headers: str) -> Any:
    answer = post(client, f"/insights/{slug}", query, **headers)
    if answer.status_code == 202:
        run_jobs(platform)
        answer = post(client, f"/insights/{slug}", query, **headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_online_retail_from_file_to_api_and_csv_and_back_to_nothing(
    import_: Command, platform: Platform, realdata: Path
) -> None:
    file = str(realdata / "online_retail.parquet")
    said = import_(file, "--preset", "online-retail", "--tenant", "retail")
    assert "The tenant retail is new and was made (GBP, Europe/London)." in said
    assert "18,532 events added" in said
    ann = analyst(import_, platform, "retail")

    data = answered(ann, platform, "kpis", WHOLE_SPAN).json["data"]
    assert data["active_customers"]["value"] == 4_338
    assert data["purchases"]["value"] == 18_532
    assert data["revenue_minor"]["value"] == 891_140_790
    text = answered(ann, platform, "kpis", WHOLE_SPAN, Accept="text/csv").text
    table = pd.read_csv(io.StringIO(text), index_col="metric")["value"]
    assert table["active_customers"] == 4_338
    assert table["purchases"] == 18_532
    assert table["revenue_minor"] == 891_140_790

    november = {"period": {"start": "2011-11-01T00:00:00Z", "end": "2011-12-01T00:00:00Z"}}
    data = answered(ann, platform, "kpis", november).json["data"]
    assert data["active_customers"]["value"] == 1_664
    assert data["purchases"]["value"] == 2_657
    assert data["revenue_minor"]["value"] == 116_181_738

    months = {"metric": "new_customers", "bucket": "month", **WHOLE_SPAN}
    points = answered(ann, platform, "timeseries", months).json["data"]["points"]
    assert points[0]["value"] == 885
    assert sum(point["value"] for point in points) == 4_338

    again = import_(file, "--preset", "online-retail", "--tenant", "retail")
    assert "0 events added, 18,532 were in the history already" in again
    data = answered(ann, platform, "kpis", WHOLE_SPAN).json["data"]
    assert data["purchases"]["value"] == 18_532

    import_id = said.split("Import id: ")[1].split()[0]
    assert "Removed 18,532 events" in import_("--undo", import_id)
    data = answered(ann, platform, "kpis", WHOLE_SPAN).json["data"]
    assert data["events"]["value"] == data["new_customers"]["value"] == 0


def test_rfm_of_the_orders_gives_the_ten_published_segments(
    import_: Command, platform: Platform, realdata: Path
) -> None:
    import_(str(realdata / "rfm_orders.csv"), "--preset", "orders", "--tenant", "orders")
    ann = analyst(import_, platform, "orders")
    query = {"as_of": "2006-12-31T00:00:00Z", "method": "r7"}
    data = answered(ann, platform, "rfm", query).json["data"]
    assert {segment["name"]: segment["customers"] for segment in data["segments"]} == {
        "Champions": 35,
        "Potential Loyalist": 342,
        "Loyal": 170,
        "Promising": 9,
        "New": 104,
        "Can't Lose": 47,
        "At Risk": 28,
        "Need Attention": 10,
        "About To Sleep": 102,
        "Lost": 148,
    }
    text = answered(ann, platform, "rfm", query, Accept="text/csv").text
    assert pd.read_csv(io.StringIO(text))["customers"].sum() == 995
