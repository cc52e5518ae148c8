"""The published figures of the public data sets, read from the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cip.cli.main import app as cli
from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from tests.browser.conftest import PASSWORD, Browser, Site

pytestmark = pytest.mark.realdata


@pytest.fixture
def analyst_of(
    visitor: Browser, site: Site, realdata: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Signs in an analyst of a new tenant whose events were imported from a file."""
    for name in ("CIP_HOME", "CIP_REDIS_URL", "CIP_PORT", "CIP_DEMO"):
        monkeypatch.delenv(name, raising=False)
    environment = {"CIP_REDIS_URL": site.platform.redis_url, "CIP_HOME": str(site.home)}

    def sign_in(tenant: str, file: str, preset: str) -> Browser:
        arguments = ["import", str(realdata / file), "--preset", preset, "--tenant", tenant]
        answer = CliRunner().invoke(cli, arguments, env=environment)
        assert answer.exit_code == 0, answer.output
        accounts = site.platform.services.accounts
        accounts.create_user(f"{tenant}-ann", PASSWORD, tenant_id(tenant), Role.ANALYST)
        visitor.sign_in(f"{tenant}-ann")
        visitor.wait_for("#page-content h1", "Real-time analytics")
        return visitor

    return sign_in


def test_online_retail_on_the_home_page(analyst_of: Any) -> None:
    ann = analyst_of("retail", "online_retail.parquet", "online-retail")
    ann.wait(lambda: "newest event" in str(ann.text("#freshness")), "how far the figures reach")
    assert "Figures end at the newest event" in str(ann.text("#freshness"))
    assert "9 Dec 2011, 12:50" in str(ann.text("#freshness"))
    ann.open("/?period=custom&from=2010-12-01&to=2011-12-09&against=none")
    ann.wait_for("#kpi-active_customers-value", "4,338")
    exact = "return document.querySelector('#kpi-revenue_minor .value').title"
    assert ann.run(exact) == "£8,911,407.90"
    assert ann.text("#kpi-average_order_minor .beside") == "of 18,532 orders"
    assert ann.text("#kpi-new_customers-value") == "4,338"


def test_the_segments_of_the_orders_on_the_segments_page(analyst_of: Any) -> None:
    ann = analyst_of("orders", "rfm_orders.csv", "orders")
    ann.open("/segments?method=r7&as_of=2006-12-31")
    ann.wait_for("#all-segments-footer", "995 customers in all")
    rows = ann.run(
        "return Array.from(document.querySelectorAll('#all-segments-table tbody tr'))"
        ".map(r => Array.from(r.cells).slice(0, 2).map(c => c.textContent))"
    )
    assert {name: int(number) for name, number in rows} == {
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
