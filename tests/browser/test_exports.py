"""What leaves the page: files through the card menus, and nothing for who may not export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Browser, Site
from tests.browser.seeding import events

UPDATE = "/_dash-update-component"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def seeded(site: Site) -> None:
    if not site.sent:
        site.send(*events(site.clock.now))


@pytest.fixture
def downloads(chromium: Any, tmp_path: Path) -> Iterator[Path]:
    """The folder into which the browser saves."""
    command = "Browser.setDownloadBehavior"
    chromium.execute_cdp_cmd(command, {"behavior": "allow", "downloadPath": str(tmp_path)})
    yield tmp_path
    chromium.execute_cdp_cmd(command, {"behavior": "default"})


def saved(browser: Browser, folder: Path, ending: str) -> Path:
    def whole() -> list[Path]:
        return [] if list(folder.glob("*.crdownload")) else list(folder.glob(f"*{ending}"))

    browser.wait(whole, f"a {ending} file")
    (file,) = whole()
    return file


def choose(browser: Browser, panel: str, action: str) -> None:
    """A line of the card's menu, opened as a user opens it."""
    browser.click(f"#{panel} details.pop:not(.definition) summary")
    browser.click(f"#{panel} [data-action='{action}']")


@pytest.mark.parametrize(
    ("page", "panel", "slug", "query"),
    [
        (
            "/?period=1h&channel=web",
            "events-by-type",
            "timeseries",
            {
                "metric": "events",
                "bucket": "minute",
                "split_by": "type",
                "period": {"last": "1h"},
                "channels": ["web"],
            },
        ),
        ("/segments?method=r7", "all-segments", "rfm", {"method": "r7"}),
    ],
)
def test_the_csv_of_a_card_is_what_the_api_answers(
    alice: Browser, downloads: Path, page: str, panel: str, slug: str, query: dict[str, Any]
) -> None:
    alice.open(page)
    alice.wait_for(f"#{panel}-table[data-rows]:not([data-rows='0'])")
    choose(alice, panel, "csv")
    file = saved(alice, downloads, ".csv")
    status, answer = alice.post(f"/api/v1/insights/{slug}", json.dumps(query), Accept="text/csv")
    assert status == 200
    assert file.read_bytes().decode() == answer
    assert answer.count("\n") > 3


def test_the_key_figures_are_exported_too(alice: Browser, downloads: Path) -> None:
    alice.wait_for("#kpi-events-value")
    alice.click("#export-kpis")
    text = saved(alice, downloads, ".csv").read_bytes().decode()
    status, answer = alice.post(
        "/api/v1/insights/kpis",
        json.dumps({"period": {"last": "24h"}, "compare": "previous"}),
        Accept="text/csv",
    )
    assert status == 200
    assert text == answer


def test_a_chart_is_saved_as_a_picture(alice: Browser, downloads: Path) -> None:
    alice.wait_for("#revenue-graph .js-plotly-plot .bars")
    choose(alice, "revenue", "png")
    content = saved(alice, downloads, ".png").read_bytes()
    assert content.startswith(PNG_SIGNATURE)
    assert len(content) > 5_000


def test_a_viewer_sees_masked_customers_and_no_export(visitor: Browser) -> None:
    visitor.sign_in("bob")
    visitor.wait_for("#newest-events tbody tr")
    customers = visitor.run(
        "return Array.from(document.querySelectorAll('#newest-events td.id'))"
        ".map(e => e.textContent)"
    )
    assert customers
    assert all(name.startswith("#") for name in customers), customers
    assert not {"ann", "ben", "cem"} & set(customers)
    visitor.wait(lambda: not visitor.shown("#export-kpis"), "no export")
    visitor.click("#events-by-type details.pop:not(.definition) summary")
    assert visitor.shown("#events-by-type [data-action='png']")
    assert not visitor.shown("#events-by-type [data-action='csv']")


def test_a_viewer_cannot_forge_an_export(visitor: Browser) -> None:
    visitor.sign_in("bob")
    visitor.wait_for("#kpi-events-value")
    body = {
        "output": "kpis-download.data",
        "outputs": {"id": "kpis-download", "property": "data"},
        "inputs": [{"id": "export-kpis", "property": "n_clicks", "value": 1}],
        "state": [{"id": "home-filters", "property": "data", "value": ""}],
        "changedPropIds": ["export-kpis.n_clicks"],
    }
    status, answer = visitor.post(UPDATE, json.dumps(body), **{"Content-Type": "application/json"})
    assert status == 403
    assert json.loads(answer)["error"]["code"] == "forbidden"
    visitor.complaints()  # the refusal, wanted here
