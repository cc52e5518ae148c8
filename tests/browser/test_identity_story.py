"""From an invitation to a refused click, by clicks alone, and what the audit log says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cip.domain.tenants import tenant_id
from cip.store import embedded, keys
from tests.browser.conftest import Browser, Site, fresh_browser, running_site
from tests.browser.test_admin import choose, open_tab, refusals_expected, row
from tests.factories import raw_event

ACME = tenant_id("acme")
PASSWORD = "a battery of horses 9"


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    with (
        embedded.running(tmp_path / "valkey") as server,
        running_site(tmp_path / "home", server.url) as running,
    ):
        running.send(raw_event(customer="ann", now=running.clock.now))
        yield running


@pytest.fixture
def browser(chromium: Any, own_site: Site) -> Iterator[Browser]:
    with fresh_browser(chromium, own_site.url) as browser:
        yield browser


class People:
    """Several people at one browser: each has cookies of their own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._kept: dict[str, list[dict[str, Any]]] = {}

    def become(self, name: str, before: str = "") -> None:
        driver = self._browser.driver
        if before:
            self._kept[before] = driver.get_cookies()
        self._browser.open("/healthz")  # where no callback is under way that could set cookies
        driver.delete_all_cookies()
        for cookie in self._kept.get(name, []):
            driver.add_cookie(cookie)


def test_invited_signed_in_demoted_refused_and_all_on_record(
    browser: Browser, own_site: Site
) -> None:
    people = People(browser)
    browser.sign_in()
    browser.wait_for("#page-content h1", "Real-time analytics")
    link = invited(browser)

    people.become("robin", before="alice")
    joined(browser, link)
    browser.sign_in("robin", PASSWORD)
    browser.wait_for("#kpi-events-value", "1")
    assert not browser.shown("#sidebar a[href='/admin']")
    browser.wait_for("#newest-events tbody")
    assert "ann" in str(browser.text("#newest-events tbody"))  # an analyst reads customers
    browser.wait(lambda: browser.shown("#export-kpis"), "an analyst may export")
    browser.open("/admin")
    browser.wait_for("#page-content h1", "Not allowed")
    browser.open("/")
    browser.wait_for("#kpi-events-value", "1")

    people.become("alice", before="robin")
    open_tab(browser, "users")
    choose(browser, f"{row('robin')} select", "viewer")
    browser.wait(lambda: "viewer" in str(browser.text("#notices")).lower(), "the role is changed")

    people.become("robin", before="alice")
    browser.open("/")
    browser.wait_for("#kpi-events-value", "1")
    own_site.clock.move(seconds=1)
    browser.run("document.querySelector('#export-kpis').click()")
    browser.wait(
        lambda: "You may not do this" in str(browser.text("#notices")), "the click is refused"
    )
    browser.wait(lambda: "ann" not in str(browser.text("#newest-events tbody")), "a masked feed")

    people.become("alice", before="robin")
    open_tab(browser, "audit")
    browser.wait_for("#admin-audit-table tr[data-row]")
    shown = str(browser.text("#admin-audit-table tbody"))
    for step in ("Invited a person", "Accepted an invitation", "Signed in", "Changed a role",
                 "Refused"):  # fmt: skip
        assert step in shown, step
    entries = own_site.platform.services.audit.verify(ACME).entries
    browser.click("#admin-audit-verify")
    browser.wait_for("#admin-audit-verified .tag.good", f"Chain verified: {entries} entries")

    edited(own_site, b"robin", b"bobin")
    browser.click("#admin-audit-verify")
    browser.wait(
        lambda: "broken" in str(browser.text("#admin-audit-verified")), "the edit is found"
    )
    refusals_expected(browser)


def invited(browser: Browser) -> str:
    open_tab(browser, "users")
    browser.fill("#admin-invite-form-name", "Robin")
    browser.fill("#admin-invite-form-username", "robin")
    choose(browser, "#admin-invite-form-role", "analyst")
    browser.click("#admin-invite-form [type=submit]")
    browser.wait_for(row("robin"))
    link = browser.run("return document.querySelector('#admin-users-secret input').value")
    return str(link)


def joined(browser: Browser, link: str) -> None:
    browser.driver.get(link)
    browser.wait(lambda: not browser.shown("#join-code-entry"), "the code is taken")
    browser.fill("#join-new", PASSWORD)
    browser.fill("#join-again", PASSWORD)
    browser.click("#join")
    browser.wait_for("h1", "Sign in")


def edited(site: Site, old: bytes, new: bytes) -> None:
    """What somebody with Redis at hand might do to one entry."""
    client, stream = site.platform.client, keys.audit(ACME)
    entries = client.xrange(stream)
    client.delete(stream)
    done = False
    for entry_id, fields in entries:
        body = fields[b"e"]
        if old in body and not done:
            fields, done = {**fields, b"e": body.replace(old, new)}, True
        client.xadd(stream, fields, id=entry_id)
    assert done
