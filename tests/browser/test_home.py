"""The home page shows what the events say, and every control on it works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import Browser, Sent, Site, occurred
from tests.browser.seeding import events
from tests.factories import raw_event

DAY = timedelta(hours=24)
UPDATE = "/_dash-update-component"


@pytest.fixture(autouse=True)
def seeded(site: Site) -> None:
    if not site.sent:
        site.send(*events(site.clock.now))


def amount(rows: Sequence[Sent], kind: str) -> int:
    return sum(e["properties"]["amount_minor"] for e in rows if e["type"] == kind)


def customers(rows: Sequence[Sent]) -> set[str]:
    return {e["customer_id"] for e in rows}


def expected_kpis(site: Site, length: timedelta, channel: str | None = None) -> dict[str, str]:
    """The figures by the definitions, straight from the raw events, as the page writes them."""
    rows = site.within(length, channel=channel)
    purchases = [e for e in rows if e["type"] == "purchase.completed"]
    bought = amount(rows, "purchase.completed")
    revenue = bought - amount(rows, "purchase.refunded")
    active, buyers = customers(rows), customers(purchases)
    return {
        "events": f"{len(rows)}",
        "active_customers": f"{len(active)}",
        "revenue_minor": f"€{revenue / 100:.2f}",
        "average_order_minor": f"€{bought / len(purchases) / 100:.2f}" if purchases else "–",
        "conversion_rate": f"{100 * len(buyers) / len(active):.1f} %" if active else "–",
    }


def shown_kpis(browser: Browser, metrics: Sequence[str]) -> dict[str, str | None]:
    return {metric: browser.text(f"#kpi-{metric}-value") for metric in metrics}


def wait_for_kpis(browser: Browser, wanted: dict[str, str]) -> None:
    browser.wait(lambda: shown_kpis(browser, list(wanted)) == wanted, f"{wanted}")


def channels(browser: Browser) -> dict[str, int]:
    rows: list[list[str]] = browser.run(
        "return Array.from(document.querySelectorAll('#channel-mix li'))"
        ".map(e => [e.dataset.name, e.dataset.value])"
    )
    return {name: int(value) for name, value in rows}


def plot(browser: Browser, panel: str, expression: str) -> Any:
    return browser.run(
        "const g = document.querySelector(arguments[0] + '-graph .js-plotly-plot');"
        f"return g && g.data && g.data.length ? {expression} : null",
        f"#{panel}",
    )


def test_the_key_figures_equal_figures_computed_from_the_raw_events(
    alice: Browser, site: Site
) -> None:
    wanted = expected_kpis(site, DAY)
    assert wanted["revenue_minor"] == "€149.90"  # 49.90 + 120.00 - 20.00, by hand
    assert wanted["conversion_rate"] == "50.0 %"  # ann and cem of ann, ben, cem, dia
    wait_for_kpis(alice, wanted)
    first = {e["customer_id"]: occurred(e) for e in sorted(site.sent, key=occurred, reverse=True)}
    day_ago = site.clock.now - DAY
    new = [name for name, at in first.items() if at >= day_ago]
    assert alice.text("#kpi-new_customers-value") == str(len(new))
    now = customers(site.within(timedelta(minutes=5)))
    assert alice.text("#kpi-active_now-value") == str(len(now))


def test_the_change_is_against_the_window_before(alice: Browser, site: Site) -> None:
    wait_for_kpis(alice, expected_kpis(site, DAY))
    now = len(site.within(DAY))
    before = len(site.within(2 * DAY)) - now
    change = f"{100 * (now - before) / before:.1f} %"
    assert change in str(alice.text("#kpi-events .delta"))
    assert "up" in str(alice.text("#kpi-events .delta"))


def test_the_channel_mix_counts_each_channel(alice: Browser, site: Site) -> None:
    wanted = Counter(e["channel"] for e in site.within(DAY))
    alice.wait(lambda: channels(alice) == wanted, f"{wanted}")


def test_the_charts_hold_every_event_and_all_the_revenue(alice: Browser, site: Site) -> None:
    rows = site.within(DAY)
    five_minutes = (
        "g.data.filter(t => t.stackgroup).flatMap(t => Array.from(t.y))"
        ".reduce((sum, y) => sum + y, 0) * 5"
    )
    # The bucket that runs still is left out of the area: its events are younger than that.
    alice.wait(lambda: plot(alice, "events-by-type", five_minutes), "the stacked chart")
    drawn = round(plot(alice, "events-by-type", five_minutes))
    young = len(site.within(timedelta(minutes=6)))
    assert len(rows) - young <= drawn <= len(rows)
    total = "Array.from(g.data[0].y).reduce((sum, y) => sum + y, 0)"
    alice.wait(lambda: plot(alice, "revenue", total) is not None, "the revenue chart")
    revenue = amount(rows, "purchase.completed") - amount(rows, "purchase.refunded")
    assert round(plot(alice, "revenue", total) * 100) == revenue


def test_a_new_event_moves_the_figures_at_the_next_tick(alice: Browser, site: Site) -> None:
    wait_for_kpis(alice, expected_kpis(site, DAY))
    site.send(raw_event(customer="gil", minutes_ago=1, now=site.clock.now, channel="chat"))
    alice.click("#refresh-now")
    wait_for_kpis(alice, expected_kpis(site, DAY))
    alice.wait(lambda: channels(alice).get("chat"), "the new channel")
    alice.wait_for("#newest-events tbody tr:first-child td.id", "gil")


def test_an_idle_tick_answers_204_and_asks_nothing_else(alice: Browser, site: Site) -> None:
    wait_for_kpis(alice, expected_kpis(site, DAY))
    settled(alice)
    alice.click("#refresh-now")
    answers: list[int] = []

    def ticked() -> bool:
        answers.extend(
            entry["params"]["response"]["status"]
            for entry in alice.traffic()
            if entry["method"] == "Network.responseReceived"
            and UPDATE in entry["params"]["response"]["url"]
        )
        return bool(answers)

    alice.wait(ticked, "the tick's answer")
    assert answers == [204]


def settled(browser: Browser) -> None:
    """Until nothing is pending and a whole look at the traffic is empty."""
    browser.wait(
        lambda: (
            browser.run("return document.querySelector('[data-pending]') === null")
            and browser.text("#kpi-engagement_mean-value") not in (None, "–")
            and not browser.requested()
        ),
        "the page to settle",
    )


def test_a_shorter_period_changes_the_figures_and_the_address(alice: Browser, site: Site) -> None:
    wait_for_kpis(alice, expected_kpis(site, DAY))
    alice.click("#filter-period input[value='1h']")
    wait_for_kpis(alice, expected_kpis(site, timedelta(hours=1)))
    alice.wait_for("#filter-period-value", "Last hour")
    assert urlsplit(alice.driver.current_url).query == "period=1h"


def test_a_period_beyond_the_live_counters_is_computed_from_the_history(
    alice: Browser, site: Site
) -> None:
    alice.open("/?period=7d")
    wait_for_kpis(alice, expected_kpis(site, timedelta(days=7)))


def test_a_channel_changes_the_figures_and_a_reload_keeps_it(alice: Browser, site: Site) -> None:
    alice.wait(lambda: channels(alice), "the channels")
    alice.click("#filter-channel input[value='email']")
    wanted = expected_kpis(site, DAY, "email")
    wait_for_kpis(alice, wanted)
    alice.wait(lambda: set(channels(alice)) == {"email"}, "only that channel")
    assert urlsplit(alice.driver.current_url).query == "channel=email"
    alice.driver.refresh()
    wait_for_kpis(alice, wanted)
    alice.wait_for("#filter-channel-value", "email")


def test_without_a_comparison_no_change_is_shown(alice: Browser) -> None:
    alice.wait_for("#kpi-events .delta")
    alice.click("#filter-against input[value='none']")
    alice.wait(lambda: alice.text("#kpi-events .delta") is None, "no change")
    assert alice.text("#kpi-events-value") is not None


def test_a_bad_filter_in_the_address_falls_back_and_says_so(alice: Browser, site: Site) -> None:
    alice.open("/?period=forever")
    alice.wait_for("#home-notices .notice")
    assert "unknown period" in str(alice.text("#home-notices"))
    wait_for_kpis(alice, expected_kpis(site, DAY))


def test_the_theme_changes_colors_without_asking_the_server(alice: Browser) -> None:
    color = "g._fullData[0].fillcolor"
    alice.wait(lambda: plot(alice, "events-by-type", color), "the stacked chart")
    settled(alice)
    light = plot(alice, "events-by-type", color)
    alice.click(".top [data-action='theme']")
    alice.wait(lambda: plot(alice, "events-by-type", color) != light, "other colors")
    assert alice.run("return document.documentElement.dataset.bsTheme") == "dark"
    assert [url for url in alice.requested() if UPDATE in url] == []
    alice.driver.refresh()
    alice.wait_for("#page-content h1")
    assert alice.run("return document.documentElement.dataset.bsTheme") == "dark"


def test_a_zoom_survives_new_figures_and_can_be_reset(alice: Browser, site: Site) -> None:
    spread = "g._fullLayout.xaxis.range.slice()"
    alice.wait(lambda: plot(alice, "events-by-type", spread), "the stacked chart")
    whole = plot(alice, "events-by-type", spread)
    zoomed = plot(
        alice,
        "events-by-type",
        "(Plotly.relayout(g, {'xaxis.range[0]': g.data[0].x[10],"
        " 'xaxis.range[1]': g.data[0].x[20]}), g._fullLayout.xaxis.range.slice())",
    )
    site.send(raw_event(customer="hal", minutes_ago=2, now=site.clock.now))
    alice.click("#refresh-now")
    wait_for_kpis(alice, expected_kpis(site, DAY))
    settled(alice)
    assert plot(alice, "events-by-type", spread) == zoomed != whole
    alice.click("#events-by-type-graph [data-title='Reset axes']")
    alice.wait(lambda: plot(alice, "events-by-type", spread) == whole, "the whole range")


def test_the_chart_has_its_table(alice: Browser) -> None:
    alice.wait_for("#events-by-type-table[data-rows]:not([data-rows='0'])")
    assert alice.text("#events-by-type-table tbody") is None  # nobody looks at it yet
    alice.click("#events-by-type [data-action='table']")
    alice.wait_for("#events-by-type-table tbody tr")
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert alice.run(shown, "#events-by-type-table") == "block"
    assert alice.run(shown, "#events-by-type .drawing") == "none"


def test_the_feed_can_be_filtered_and_paused(alice: Browser, site: Site) -> None:
    alice.wait_for("#newest-events tbody tr")
    alice.click("#newest-events [data-action='reveal']")
    alice.driver.find_element("css selector", "#feed-filter").send_keys("purchase.refunded")
    rows = "return document.querySelectorAll('#newest-events tbody tr').length"
    alice.wait(lambda: alice.run(rows) == 1, "one refund")
    assert "€20.00" in str(alice.text("#newest-events tbody tr"))
    alice.click("#feed-pause")
    alice.wait(lambda: "Resume" in str(alice.text("#feed-pause")), "the pause")
    site.send(
        raw_event(
            customer="ivy",
            kind="purchase.refunded",
            minutes_ago=1,
            now=site.clock.now,
            properties={"amount_minor": 100},
        )
    )
    alice.click("#refresh-now")
    wait_for_kpis(alice, {"events": expected_kpis(site, DAY)["events"]})
    assert alice.run(rows) == 1
    alice.click("#feed-pause")
    alice.wait(lambda: alice.run(rows) == 2, "what came meanwhile")


def test_escape_closes_what_the_keyboard_opened(alice: Browser) -> None:
    alice.wait_for("#kpi-events .info")
    summary = alice.driver.find_element("css selector", "#kpi-events .info summary")
    summary.send_keys("\ue007")  # enter
    opened = "return document.querySelector('#kpi-events .info').open"
    alice.wait(lambda: alice.run(opened), "the definition")
    summary.send_keys("\ue00c")  # escape
    alice.wait(lambda: not alice.run(opened), "it closed")
    assert alice.run("return document.activeElement.tagName") == "SUMMARY"


def test_no_page_asks_another_host(alice: Browser, site: Site) -> None:
    for path, heading in (("/", "Real-time analytics"), ("/segments", "Segments"), ("/login", "")):
        alice.open(path)
        if heading:
            alice.wait_for("#page-content h1", heading)
            settled(alice) if path == "/" else alice.wait_for("#segment-cards-content .segment h3")
    hosts = {
        urlsplit(entry["params"]["request"]["url"]).netloc
        for entry in alice.traffic()
        if entry["method"] == "Network.requestWillBeSent"
        and urlsplit(entry["params"]["request"]["url"]).scheme not in ("data", "blob")
    }
    assert hosts <= {urlsplit(site.url).netloc}


@pytest.mark.parametrize("path", ["/", "/segments"])
def test_a_phone_scrolls_nothing_sideways(alice: Browser, path: str) -> None:
    alice.size(390, 844)
    alice.open(path)
    panel = "#kpi-events-value" if path == "/" else "#kpi-customers-value"
    alice.wait_for(panel)
    wide = "return document.documentElement.scrollWidth - window.innerWidth"
    alice.wait(lambda: alice.run("return !document.querySelector('[data-pending]')"), "all panels")
    assert alice.run(wide) <= 0
    alice.click(".top [data-drawer-name='nav']")
    visible = "return getComputedStyle(document.querySelector('#sidebar')).visibility"
    alice.wait(lambda: alice.run(visible) == "visible", "the drawer")
    assert alice.run(wide) <= 0


def test_the_browser_remembers_the_refresh_interval(alice: Browser) -> None:
    alice.click("#refresh-every input[value='0']")
    alice.wait_for("#live-badge", "Paused")
    alice.driver.refresh()
    alice.wait_for("#live-badge", "Paused")
