"""Redis away: the page keeps what it drew, says so, and recovers by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cip.store import embedded
from tests.browser.conftest import Browser, Site, fresh_browser, running_site
from tests.factories import raw_event


class Store:
    """The embedded server of one site, to be stopped and started with its data kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()

    def start(self) -> str:
        return self._running.enter_context(embedded.running(self._folder)).url

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "valkey")
    yield store
    store.stop()


@pytest.fixture
def site_of_it(store: Store, tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path / "home", store.start()) as site:
        site.send(*(raw_event(customer=name, now=site.clock.now) for name in ("ann", "ben")))
        yield site


@pytest.fixture
def guest(chromium: Any, site_of_it: Site) -> Iterator[Browser]:
    with fresh_browser(chromium, site_of_it.url) as browser:
        yield browser


def test_figures_stay_age_and_recover_without_a_reload(
    guest: Browser, site_of_it: Site, store: Store
) -> None:
    guest.sign_in()
    guest.wait_for("#kpi-events-value", "2")
    guest.run("window.sameDocument = true")
    guest.click("#refresh-every input[value='5']")
    store.stop()
    guest.click("#refresh-now")
    guest.wait(lambda: "does not answer" in str(guest.text("#banner")), "the banner")
    assert "Figures stay as they were, for" in str(guest.text("#banner"))
    guest.wait(lambda: "No answer ·" in str(guest.text("#live-badge")), "the badge")
    assert guest.text("#kpi-events-value") == "2"
    assert guest.text("#tenant-name .tenant-name") == "Acme"
    assert "ann" in str(guest.text("#newest-events tbody"))
    guest.click("#filter-period input[value='1h']")  # asks all panels, which keep what they show
    guest.wait_for("#filter-period-value", "Last hour")
    assert guest.text("#kpi-events-value") == "2"
    store.start()
    site_of_it.send(raw_event(customer="cem", now=site_of_it.clock.now))
    guest.wait_for("#kpi-events-value", "3")
    guest.wait(lambda: not guest.text("#banner"), "no banner any more")
    assert guest.run("return window.sameDocument") is True
    assert guest.complaints() == []


def test_a_login_says_that_the_store_does_not_answer(guest: Browser, store: Store) -> None:
    store.stop()
    guest.sign_in()
    guest.wait_for("#login-error")
    assert "does not answer" in str(guest.text("#login-error"))
    guest.open("/")
    guest.wait_for("h1", "Sign in")
    assert all("status of 503" in line for line in guest.complaints())


def test_a_page_that_opens_meanwhile_says_so(guest: Browser, store: Store) -> None:
    guest.sign_in()
    guest.wait_for("#kpi-events-value", "2")
    store.stop()
    guest.click("#refresh-now")
    # For half a second a worker still knows who is signed in.
    badge = "#live-badge"
    guest.wait(lambda: re.search(r"No answer · [1-9]", str(guest.text(badge))), "a second")
    guest.open("/segments")
    guest.wait_for("h1", "Not available just now")
    assert "does not answer" in str(guest.text("main"))
    assert all("status of 503" in line for line in guest.complaints())
    store.start()
    guest.driver.refresh()
    guest.wait_for("#page-content h1", "Segments")
