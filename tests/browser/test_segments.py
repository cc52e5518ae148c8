"""The segments page shows the scores that the definitions give, computed here a second time."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import pytest

from tests.browser.conftest import Browser, Site, occurred
from tests.browser.seeding import events

# name, recency, frequency, monetary: inclusive ranges, the first that fits names the customer
RULES = (
    ("Champions", (5, 5), (5, 5), (5, 5)),
    ("Potential Loyalist", (3, 5), (3, 5), (2, 5)),
    ("Loyal", (2, 4), (2, 4), (2, 4)),
    ("Promising", (3, 4), (1, 3), (3, 5)),
    ("New", (4, 5), (1, 3), (1, 5)),
    ("Can't Lose", (1, 2), (3, 4), (4, 5)),
    ("At Risk", (1, 2), (2, 5), (4, 5)),
    ("Need Attention", (1, 3), (3, 5), (3, 5)),
    ("About To Sleep", (2, 3), (1, 3), (1, 4)),
    ("Lost", (1, 1), (1, 5), (1, 5)),
)


@pytest.fixture(autouse=True)
def seeded(site: Site) -> None:
    if not site.sent:
        site.send(*events(site.clock.now))


def rank_scores(values: dict[str, float]) -> dict[str, int]:
    """⌊5 (rank − 1) / n⌋ + 1 with the minimum rank for ties."""
    below = {name: sum(v < value for v in values.values()) for name, value in values.items()}
    return {name: 5 * rank // len(values) + 1 for name, rank in below.items()}


def scores(site: Site) -> dict[str, tuple[int, int, int]]:
    last: dict[str, datetime] = {}
    orders: Counter[str] = Counter()
    spend: defaultdict[str, int] = defaultdict(int)
    for event in site.sent:
        name, value = event["customer_id"], event["properties"].get("amount_minor", 0)
        if event["type"] == "purchase.completed":
            last[name] = max(occurred(event), last.get(name, occurred(event)))
            orders[name] += 1
            spend[name] += value
        elif event["type"] == "purchase.refunded":
            spend[name] -= value
    recency = rank_scores({name: at.timestamp() for name, at in last.items()})
    frequency = rank_scores({name: orders[name] for name in last})
    monetary = rank_scores({name: spend[name] for name in last})
    return {name: (recency[name], frequency[name], monetary[name]) for name in last}


def segment_of(triple: tuple[int, int, int]) -> str:
    for name, *ranges in RULES:
        if all(low <= score <= high for score, (low, high) in zip(triple, ranges, strict=True)):
            return str(name)
    return "Others"


def shown_segments(browser: Browser) -> dict[str, int]:
    rows: list[list[str]] = browser.run(
        "return Array.from(document.querySelectorAll('.segment[data-segment]'))"
        ".map(e => [e.dataset.segment, e.dataset.customers])"
    )
    return {name: int(number) for name, number in rows if int(number)}


def shown_pairs(browser: Browser) -> dict[tuple[int, int], int]:
    rows: list[list[str]] = browser.run(
        "return Array.from(document.querySelectorAll('#rfm-grid-table tbody tr'))"
        ".map(r => Array.from(r.cells).map(c => c.textContent))"
    )
    return {(int(r), int(f)): int(n) for r, f, n, _ in rows if int(n)}


def grid_texts(browser: Browser) -> Any:
    """The figures drawn in the cells of the heatmap."""
    return browser.run(
        "const g = document.querySelector('#rfm-grid-graph .js-plotly-plot');"
        "return g && g.layout && g.layout.annotations ? g.layout.annotations"
        ".filter(a => typeof a.x === 'number' && !a.xref).map(a => [a.y, a.x, a.text]) : []"
    )


def test_the_page_shows_the_segments_that_the_definitions_give(alice: Browser, site: Site) -> None:
    alice.click("#sidebar a[href='/segments']")
    wanted = Counter(segment_of(triple) for triple in scores(site).values())
    assert len(wanted) >= 5
    alice.wait(lambda: shown_segments(alice) == wanted, f"{wanted}")
    assert alice.text("#kpi-customers-value") == str(sum(wanted.values()))
    assert alice.text("#kpi-segments-value") == str(len(wanted))


def test_the_grid_counts_the_customers_of_each_pair_of_scores(alice: Browser, site: Site) -> None:
    alice.open("/segments")
    wanted = Counter(triple[:2] for triple in scores(site).values())
    alice.click("#rfm-grid [data-action='table']")
    alice.wait(lambda: shown_pairs(alice) == wanted, f"{wanted}")
    drawn = {(r, f): int(text) for r, f, text in grid_texts(alice) if int(text)}
    assert drawn == wanted


def test_the_method_is_kept_in_the_address(alice: Browser, site: Site) -> None:
    alice.open("/segments")
    alice.wait(lambda: shown_segments(alice), "the segments")
    alice.click("#filter-method input[value='r7']")
    alice.wait_for("#filter-method-value", "Quintiles (R7)")
    assert alice.driver.current_url.endswith("/segments?method=r7")
    number = len(scores(site))
    alice.wait(
        lambda: alice.text("#all-segments-footer") == f"{number} customers in all", "the table"
    )
