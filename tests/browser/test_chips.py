"""Dates chosen on the page itself."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from tests.browser.conftest import Browser, Site, occurred
from tests.browser.seeding import events

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def seeded(site: Site) -> None:
    if not site.sent:
        site.send(*events(site.clock.now))


def query(browser: Browser) -> dict[str, list[str]]:
    return parse_qs(urlsplit(browser.driver.current_url).query)


def test_a_custom_range_counts_whole_days_of_the_tenants_calendar(
    alice: Browser, site: Site
) -> None:
    alice.wait_for("#kpi-events-value")
    last = site.clock.now.astimezone(BERLIN).date() - timedelta(days=1)
    first = last - timedelta(days=6)
    alice.click("#filter-period-chip summary")
    alice.click("#filter-period input[value='custom']")
    alice.fill("#filter-period-start", first.isoformat())
    alice.fill("#filter-period-end", last.isoformat())
    wanted = sum(first <= occurred(e).astimezone(BERLIN).date() <= last for e in site.sent)
    assert wanted >= 5
    alice.wait_for("#kpi-events-value", str(wanted))
    alice.wait(lambda: "to" in query(alice), "the address")
    assert query(alice) == {
        "period": ["custom"],
        "from": [first.isoformat()],
        "to": [last.isoformat()],
    }
    assert " to " in str(alice.text("#filter-period-value"))


def test_segments_as_of_a_day_know_nothing_later(alice: Browser, site: Site) -> None:
    alice.open("/segments")
    alice.wait_for("#kpi-customers-value")
    day = site.clock.now.astimezone(BERLIN).date() - timedelta(days=100)
    buyers = {
        e["customer_id"]
        for e in site.sent
        if e["type"] == "purchase.completed" and occurred(e).astimezone(BERLIN).date() <= day
    }
    before = str(alice.text("#kpi-customers-value"))
    assert 0 < len(buyers) < int(before)
    alice.click("#filter-as-of-chip summary")
    alice.fill("#filter-as-of", day.isoformat())
    alice.wait_for("#kpi-customers-value", str(len(buyers)))
    assert query(alice) == {"as_of": [day.isoformat()]}
    assert alice.text("#filter-as-of-value") == f"{day.day} {day:%b %Y}"
