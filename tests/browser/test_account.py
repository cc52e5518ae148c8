"""The account page, an invitation and the tenant switcher in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from itertools import count
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from selenium.webdriver.common.keys import Keys

from cip.domain.permissions import Role
from cip.domain.tenants import TenantId, tenant_id
from cip.services.sessions import SessionService
from tests.browser.conftest import PASSWORD, Browser, Site
from tests.factories import raw_event
from tests.waiting import wait_until

NEW = "seven quiet green lamps"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_NUMBERS = count(1)


class Elsewhere:
    """Another browser, in which the user is signed in too."""

    def __init__(self, site: Site, username: str, password: str = PASSWORD) -> None:
        self._url = site.url
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self._opener.addheaders = [("User-Agent", FIREFOX)]
        form = urlencode({"username": username, "password": password}).encode()
        self._opener.open(f"{self._url}/login", form).close()

    def signed_in(self) -> bool:
        with self._opener.open(f"{self._url}/") as answer:
            return "/login" not in answer.url


@pytest.fixture
def username(site: Site) -> str:
    """A user of the test's own, a viewer of acme."""
    name = f"dana{next(_NUMBERS)}"
    site.platform.services.accounts.create_user(name, PASSWORD, tenant_id("acme"), Role.VIEWER)
    return name


def open_account(browser: Browser, username: str) -> None:
    browser.sign_in(username)
    browser.wait_for("#page-content h1", "Real-time analytics")
    browser.open("/account")
    browser.wait_for("table.sessions tbody tr")
    browser.wait_for("#profile-username", username)


def rows(browser: Browser) -> list[str]:
    found: list[str] = browser.run(
        "return [...document.querySelectorAll('table.sessions .what')].map(e => e.textContent)"
    )
    return found


@contextmanager
def going_on(browser: Browser) -> Iterator[None]:
    """At the end the browser is still signed in, on the same page."""
    yield
    browser.click("#refresh-now")
    browser.open("/account")
    browser.wait_for("#page-content h1", "Your account")


def fill_password(browser: Browser, old: str, new: str, again: str) -> None:
    browser.fill("#password-old", old)
    browser.fill("#password-new", new)
    browser.fill("#password-again", again)
    browser.click("#password-save")


def test_a_new_password_ends_the_other_browser_within_a_second(
    site: Site, visitor: Browser, username: str
) -> None:
    other = Elsewhere(site, username)
    assert other.signed_in()
    open_account(visitor, username)
    assert rows(visitor) == ["Chrome on Linux", "Firefox on Linux"]
    with going_on(visitor):
        fill_password(visitor, PASSWORD, NEW, NEW)
        visitor.wait_for("#password-change-said .good")
        wait_until(lambda: not other.signed_in(), 1.0, "the other browser is signed out")
        visitor.wait(lambda: rows(visitor) == ["Chrome on Linux"], "the list is read anew")
        assert visitor.run("return document.querySelector('#password-new').value") == ""
    assert Elsewhere(site, username, NEW).signed_in()


def test_a_refused_password_is_explained_beside_its_field(
    site: Site, visitor: Browser, username: str
) -> None:
    other = Elsewhere(site, username)
    open_account(visitor, username)
    fill_password(visitor, "wrong horse battery", NEW, NEW)
    visitor.wait_for("#password-old-said .bad")
    fill_password(visitor, PASSWORD, "too short", "too short")
    visitor.wait_for("#password-new-said .bad")
    assert not visitor.text("#password-old-said")
    fill_password(visitor, PASSWORD, NEW, "another")
    visitor.wait_for("#password-again-said .bad")
    assert other.signed_in()


def test_the_rules_tick_themselves_off(visitor: Browser, username: str) -> None:
    open_account(visitor, username)

    def met() -> list[str]:
        found: list[str] = visitor.run(
            "return [...document.querySelectorAll('#password-rules [data-state=met]')]"
            ".map(e => e.dataset.rule)"
        )
        return found

    visitor.fill("#password-new", "eleven char")
    assert met() == []
    visitor.fill("#password-new", "twelve chars")
    assert met() == ["length"]
    visitor.fill("#password-again", "twelve chars")
    assert met() == ["length", "same"]
    visitor.click("[data-reveal=password-new]")
    assert visitor.run("return document.querySelector('#password-new').type") == "text"


def test_one_session_is_signed_out_and_this_one_stays(
    site: Site, visitor: Browser, username: str
) -> None:
    other = Elsewhere(site, username)
    open_account(visitor, username)
    with going_on(visitor):
        visitor.click("table.sessions .act button")
        visitor.wait_for("#sessions-said .good")
        assert visitor.text("#sessions-said") == "Signed out Firefox on Linux."
        wait_until(lambda: not other.signed_in(), 1.0, "the other browser is signed out")
        visitor.wait(lambda: rows(visitor) == ["Chrome on Linux"], "the list is read anew")
    assert not visitor.shown("#sessions-all")


def test_a_session_that_is_gone_already_leaves_the_list(
    site: Site, visitor: Browser, username: str
) -> None:
    Elsewhere(site, username)
    open_account(visitor, username)
    sessions: SessionService = site.platform.services.sessions
    present = visitor.run("return document.querySelector('tr.mine').dataset.handle")
    (gone,) = [one for one in sessions.of(username) if not one.id.startswith(present)]
    sessions.end(username, gone.id)
    visitor.click("table.sessions .act button")
    visitor.wait(lambda: rows(visitor) == ["Chrome on Linux"], "the list is read anew")
    visitor.complaints()  # the refused click, wanted here


def test_all_others_are_signed_out_after_a_question(
    site: Site, visitor: Browser, username: str
) -> None:
    others = [Elsewhere(site, username), Elsewhere(site, username)]
    open_account(visitor, username)
    with going_on(visitor):
        visitor.click("#sessions-all summary")
        asked = "This signs out 2 other browsers. You stay signed in here."
        visitor.wait_for("#sessions-others", asked)
        assert all(other.signed_in() for other in others)
        visitor.click("#sessions-end-others")
        visitor.wait_for("#sessions-said", "Signed out 2 other browsers.")
        wait_until(lambda: not any(o.signed_in() for o in others), 1.0, "all are signed out")


def test_a_name_is_kept(site: Site, visitor: Browser, username: str) -> None:
    open_account(visitor, username)
    visitor.fill("#profile-name", "Dana <b>Example</b>")
    visitor.click("#profile-save")
    visitor.wait_for("#profile-name-said", "Saved.")
    user = site.platform.services.accounts.users.find(username)
    assert user is not None
    assert user.name == "Dana <b>Example</b>"


def test_preferences_are_the_shells_own(visitor: Browser, username: str) -> None:
    open_account(visitor, username)

    def chosen(control: str) -> object:
        return visitor.run(
            "const e = document.querySelector(arguments[0] + ' [aria-checked=true]');"
            "return e && e.dataset.value",
            control,
        )

    visitor.wait(lambda: chosen("#preferred-theme") == "system", "the theme is the system's")
    visitor.click("#preferred-theme [data-value=dark]")
    assert visitor.run("return document.documentElement.dataset.bsTheme") == "dark"
    assert chosen("#preferred-theme") == "dark"
    visitor.click("[data-action=theme]")
    assert chosen("#preferred-theme") == "light"
    visitor.click("#preferred-refresh [data-value='60']")
    visitor.wait_for("#refresh-every-label", "1 min")
    visitor.wait(lambda: chosen("#preferred-refresh") == "60", "the choice is shown")


def test_the_invited_join_by_their_link(site: Site, visitor: Browser) -> None:
    name = f"carol{next(_NUMBERS)}"
    invited = site.platform.services.people.invite(
        site.platform.principal(), name, "Carol Example", Role.VIEWER
    )
    visitor.traffic()
    visitor.open(f"/join#{invited.code}")
    visitor.wait(lambda: not visitor.shown("#join-code-entry"), "the code is taken")
    assert visitor.driver.current_url == f"{site.url}/join"
    assert visitor.run("return document.querySelector('#join-username').value") == name
    visitor.fill("#join-new", "short")
    visitor.fill("#join-again", "short")
    visitor.click("#join")
    visitor.wait_for("#join-error")
    assert "12 to 128" in str(visitor.text("#join-error"))
    visitor.complaints()  # the refused form, wanted here
    visitor.fill("#join-new", NEW)
    visitor.fill("#join-again", NEW)
    visitor.click("#join")
    visitor.wait_for("#joined")
    assert not any(str(invited.code) in url for url in visitor.requested() if "#" not in url)
    visitor.sign_in(name, NEW)
    visitor.wait_for("#page-content h1", "Real-time analytics")


def two_tenants(site: Site) -> tuple[str, TenantId, TenantId]:
    """A user of two tenants of the test's own, with 2 events in the first and 3 in the second."""
    number = next(_NUMBERS)
    north, south = (site.platform.add_tenant(f"{side}{number}") for side in ("north", "south"))
    for tenant, events in ((north, 2), (south, 3)):
        site.platform.send(
            *[raw_event(now=site.clock.now) for _ in range(events)], name=str(tenant)
        )
    name, accounts = f"erin{number}", site.platform.services.accounts
    accounts.create_user(name, PASSWORD, north, Role.VIEWER)
    both = {north: Role.VIEWER, south: Role.ANALYST}
    accounts.users.change(name, lambda user: user.model_copy(update={"memberships": both}))
    return name, north, south


def test_switching_the_tenant_shows_the_other_tenants_figures(site: Site, visitor: Browser) -> None:
    name, north, south = two_tenants(site)
    visitor.sign_in(name)
    visitor.wait_for(".top .tenant-name", north.title())
    visitor.wait_for("#kpi-events-value", "2")
    visitor.wait(lambda: visitor.shown("#tenant-switch"), "there is a choice")
    visitor.click("#tenant-switch")
    visitor.wait_for(f"#tenant-menu [data-tenant={south}]")
    checked = visitor.text("#tenant-menu [aria-checked=true] span")
    assert checked == north.title()
    visitor.click(f"#tenant-menu [data-tenant={south}]")
    visitor.wait_for(".top .tenant-name", south.title())
    visitor.wait_for("#kpi-events-value", "3")
    assert not visitor.shown("#tenant-menu")


def test_the_switcher_works_by_keyboard(site: Site, visitor: Browser) -> None:
    name, north, south = two_tenants(site)
    visitor.sign_in(name)
    visitor.wait(
        lambda: visitor.text("#tenant-switch") is not None and visitor.shown("#tenant-switch"),
        "there is a choice",
    )

    def press(key: str) -> None:
        visitor.driver.switch_to.active_element.send_keys(key)

    def focused() -> object:
        return visitor.run(
            "return document.activeElement.dataset.tenant || document.activeElement.id"
        )

    visitor.run("document.querySelector('#tenant-switch').focus()")
    press(Keys.ENTER)
    visitor.wait(lambda: focused() == north, "the present one has the focus")
    press(Keys.ARROW_DOWN)
    assert focused() == south
    press(Keys.ARROW_DOWN)
    assert focused() == north
    press(Keys.ESCAPE)
    assert focused() == "tenant-switch"
    assert not visitor.shown("#tenant-menu")
    expanded = "return document.querySelector('#tenant-switch').getAttribute('aria-expanded')"
    assert visitor.run(expanded) == "false"


def test_who_has_one_tenant_has_no_switcher(visitor: Browser, username: str) -> None:
    open_account(visitor, username)
    assert not visitor.shown("#tenant-switch")


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_scrolls_the_page_sideways(
    site: Site, visitor: Browser, username: str, width: int
) -> None:
    Elsewhere(site, username)
    visitor.size(width)
    open_account(visitor, username)
    assert visitor.run("return document.documentElement.scrollWidth <= innerWidth")
