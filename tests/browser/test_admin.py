"""The administration in a browser: what is asked for is done, said, on record, and undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cip.auth.policy import PERMISSIONS
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from cip.domain.tenants import tenant_id
from cip.store import embedded
from tests.browser.conftest import PASSWORD, Browser, Site, fresh_browser, running_site

ACME = tenant_id("acme")
ADMIN = Principal("alice", ACME, Role.ADMIN, PERMISSIONS[Role.ADMIN])
# A browser writes a refusal into its console, whatever the page makes of it.
REFUSED = ("status of 4", "status of 503", "dash_renderer")


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose people and settings other tests do not see change."""
    home: Path = tmp_path_factory.mktemp("admin")
    with (
        embedded.running(tmp_path_factory.mktemp("admin-valkey")) as server,
        running_site(home, server.url) as running,
    ):
        users = running.platform.services.accounts
        users.create_user("root", PASSWORD, ACME, Role.ADMIN)
        users.users.change("root", lambda one: one.model_copy(update={"super_admin": True}))
        yield running


@pytest.fixture
def guest(chromium: Any, own_site: Site) -> Iterator[Browser]:
    with fresh_browser(chromium, own_site.url) as browser:
        yield browser


@pytest.fixture
def admin(guest: Browser) -> Browser:
    guest.sign_in()
    guest.wait_for("#page-content h1", "Real-time analytics")
    return guest


def refusals_expected(browser: Browser) -> None:
    """The console's words about refusals that the test caused; any other still fails it."""
    others = [c for c in browser.complaints() if not any(part in c for part in REFUSED)]
    assert not others


def notice(browser: Browser, text: str) -> None:
    browser.wait(lambda: text in (browser.text("#notices") or ""), f"a notice says {text!r}")


def press(browser: Browser, selector: str, label: str) -> None:
    """Clicks the button with this label inside the element."""
    script = (
        "const all = Array.from(document.querySelectorAll(arguments[0] + ' button'));"
        "const found = all.find(b => b.textContent.trim() === arguments[1]);"
        "if (found) found.click(); return Boolean(found)"
    )
    browser.wait(lambda: browser.run(script, selector, label), f"a button {label!r}")


def choose(browser: Browser, selector: str, value: str) -> None:
    browser.wait_for(selector)
    browser.run(
        "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('change', { bubbles: true }))",
        selector,
        value,
    )


def row(username: str) -> str:
    return f'#admin-users-table tr[data-row="{username}"]'


def open_tab(browser: Browser, name: str) -> None:
    browser.open(f"/admin?tab={name}")
    browser.wait_for("#page-content h1", "Administration")


def test_an_invitation_leads_to_a_link_that_lets_its_owner_in(
    admin: Browser, own_site: Site
) -> None:
    open_tab(admin, "users")
    admin.wait_for(row("bob"))
    admin.fill("#admin-invite-form-name", "Robin")
    admin.fill("#admin-invite-form-username", "Not Good")
    admin.click("#admin-invite-form [type=submit]")
    error = '#admin-invite-form [data-error-for="username"]'
    admin.wait(lambda: "user name" in (admin.text(error) or ""), "an error at the field")
    value = "return document.querySelector(arguments[0]).value"
    assert admin.run(value, "#admin-invite-form-name") == "Robin"
    admin.fill("#admin-invite-form-username", "robin")
    choose(admin, "#admin-invite-form-role", "analyst")
    admin.click("#admin-invite-form [type=submit]")
    admin.wait_for(row("robin"))
    link = admin.run(value, "#admin-users-secret input")
    assert re.fullmatch(re.escape(own_site.url) + r"/join#\S{20,}", link)
    assert admin.run(value, "#admin-invite-form-name") == ""
    assert "Invited" in str(admin.text(row("robin")))
    code = link.split("#")[1]
    made = own_site.platform.services.own_account.accept_invitation(code, "a battery of horses 9")
    assert made.memberships == {ACME: Role.ANALYST}
    refusals_expected(admin)


def test_a_role_changes_is_said_and_undone(admin: Browser, own_site: Site) -> None:
    users = own_site.platform.services.accounts.users

    def role() -> Role:
        found = users.find("bob")
        assert found is not None
        return found.memberships[ACME]

    open_tab(admin, "users")
    choose(admin, f"{row('bob')} select", "analyst")
    notice(admin, "bob is an analyst now.")
    assert role() is Role.ANALYST
    press(admin, "#notices", "Undo")
    notice(admin, "bob is a viewer now.")
    assert role() is Role.VIEWER


def test_what_cannot_be_undone_is_asked_for_once_more(admin: Browser, own_site: Site) -> None:
    services = own_site.platform.services
    services.accounts.create_user("gone", PASSWORD, ACME, Role.VIEWER)
    open_tab(admin, "users")
    for answer, left in (("no", True), ("yes", False)):
        admin.click(f"{row('gone')} [data-does=remove]")
        admin.wait_for("dialog.ask h2", "Remove gone?")
        admin.click(f"dialog.ask button[value={answer}]")
        admin.wait(lambda: admin.text("dialog.ask") is None, "the question is gone")
        if not left:
            admin.wait(lambda: admin.text(row("gone")) is None, "the row is gone")
        assert any(one.username == "gone" for one in services.people.all(ADMIN)) is left


def test_a_key_is_shown_once_and_refused_after_its_end(admin: Browser, own_site: Site) -> None:
    open_tab(admin, "keys")
    admin.wait_for("#admin-keys-state .state b", "No keys yet")
    admin.fill("#admin-new-key-form-label", "shop")
    admin.click("#admin-new-key-form-scopes-analytics-view")
    admin.click("#admin-new-key-form [type=submit]")
    admin.wait_for("#admin-keys-table tr[data-row]")
    text = admin.run("return document.querySelector('#admin-keys-secret input').value")
    assert own_site.platform.services.credentials.of_key(text).tenant == ACME
    open_tab(admin, "keys")
    admin.wait_for("#admin-keys-table tr[data-row]")
    assert text not in admin.driver.page_source
    press(admin, "#admin-keys-table", "Revoke")
    press(admin, "dialog.ask", "Revoke")
    admin.wait_for("#admin-keys-table .tag.bad", "Revoked")
    (key,) = own_site.platform.services.keys.all(ADMIN)
    assert key.revoked


def test_settings_are_saved_and_say_what_changed(admin: Browser, own_site: Site) -> None:
    open_tab(admin, "settings")
    zone = "#admin-settings-form-timezone"
    value = "return document.querySelector(arguments[0])?.value"
    admin.wait(lambda: admin.run(value, zone) == "Europe/Berlin", "the form is filled")
    assert admin.run("return document.querySelectorAll('datalist option').length") > 300
    admin.fill(zone, "Moon/Sea of Tranquility")
    admin.click("#admin-settings-form [type=submit]")
    error = '#admin-settings-form [data-error-for="timezone"]'
    admin.wait(lambda: "IANA" in (admin.text(error) or ""), "an error at the field")
    assert admin.run(value, zone) == "Moon/Sea of Tranquility"
    admin.fill(zone, "Europe/Lisbon")
    admin.click("#admin-settings-form [type=submit]")
    notice(admin, "Timezone: Europe/Berlin → Europe/Lisbon")
    settings = own_site.platform.services.tenancy.settings
    assert settings(ADMIN).timezone == "Europe/Lisbon"
    press(admin, "#notices", "Undo")
    admin.wait(lambda: admin.run(value, zone) == "Europe/Berlin", "the form follows")
    assert settings(ADMIN).timezone == "Europe/Berlin"
    refusals_expected(admin)


def test_the_audit_log_shows_each_step_and_its_chain_verifies(
    admin: Browser, own_site: Site
) -> None:
    services = own_site.platform.services
    services.people.invite(ADMIN, "step", "Step", Role.VIEWER)
    services.people.change_role(ADMIN, "step", Role.ANALYST)
    open_tab(admin, "audit")
    admin.wait_for("#admin-audit-table tr[data-row]")
    admin.fill("#admin-audit-filter", "step")
    admin.wait(
        lambda: (admin.text("#admin-audit-footer") or "").startswith("2 entries with"),
        "the log is filtered",
    )
    shown = str(admin.text("#admin-audit-table tbody"))
    assert "Changed a role" in shown
    assert "Invited a person" in shown
    many = services.audit.verify(ACME).entries
    admin.click("#admin-audit-verify")
    admin.wait_for("#admin-audit-verified .tag.good", f"Chain verified: {many} entries")


def test_tabs_answer_to_keys_and_stand_in_the_address(admin: Browser) -> None:
    open_tab(admin, "keys")
    chosen = "return document.querySelector('[role=tab][aria-selected=true]').dataset.tab"
    assert admin.run(chosen) == "keys"
    for key, tab in (("ArrowRight", "settings"), ("End", "audit"), ("ArrowRight", "overview")):
        admin.run(
            "const e = document.querySelector('[aria-selected=true]'); e.focus();"
            "e.dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0], bubbles: true }))",
            key,
        )
        assert admin.run(chosen) == tab
        assert admin.driver.current_url.endswith(f"?tab={tab}")
    admin.wait_for("#admin-figures-content .key-figure")


def test_a_click_after_a_demotion_is_refused_with_friendly_words(
    guest: Browser, own_site: Site
) -> None:
    services = own_site.platform.services
    services.accounts.create_user("dora", PASSWORD, ACME, Role.ADMIN)
    guest.sign_in("dora")
    guest.wait_for("#page-content h1", "Real-time analytics")
    open_tab(guest, "users")
    guest.wait_for(row("bob"))
    services.people.change_role(ADMIN, "dora", Role.VIEWER)
    refused = "return document.querySelector('#notices .is-bad b')?.textContent"

    def a_harmless_click_is_refused() -> bool:
        guest.click("#admin-audit-verify")
        return bool(guest.run(refused) == "You may not do this")

    guest.wait(a_harmless_click_is_refused, "the click is refused")
    choose(guest, f"{row('bob')} select", "admin")
    kept = f"return document.querySelector({row('bob')!r} + ' select').value"
    guest.wait(lambda: guest.run(kept) == "viewer", "the choice goes back")
    guest.run("document.querySelector('#notices [aria-label=Dismiss]').click()")
    guest.wait(lambda: not guest.run(refused), "the notice is gone")
    assert [one.role for one in services.people.all(ADMIN) if one.username == "bob"] == [
        Role.VIEWER
    ]
    refusals_expected(guest)


def test_a_session_that_ended_offers_to_sign_in_again(admin: Browser) -> None:
    open_tab(admin, "users")
    admin.wait_for(row("bob"))
    admin.driver.delete_all_cookies()
    admin.fill("#admin-invite-form-name", "Typed Already")
    admin.click("#admin-invite-form [type=submit]")
    admin.wait_for("#notices .is-bad b", "Your session has ended")
    link = str(admin.run("return document.querySelector('#notices a').href"))
    assert link.endswith("/login?next=%2Fadmin%3Ftab%3Dusers")
    kept = "return document.querySelector('#admin-invite-form-name').value"
    assert admin.run(kept) == "Typed Already"
    refusals_expected(admin)


def test_what_is_asked_for_while_redis_is_away_is_said_not_to_be_done(
    chromium: Any, tmp_path: Path
) -> None:
    store = ExitStack()
    url = store.enter_context(embedded.running(tmp_path / "valkey")).url
    with (
        store,
        running_site(tmp_path / "home", url) as site,
        fresh_browser(chromium, site.url) as browser,
    ):
        browser.sign_in()
        browser.wait_for("#page-content h1", "Real-time analytics")
        open_tab(browser, "users")
        browser.wait_for(row("bob"))
        store.close()
        browser.fill("#admin-invite-form-name", "Robin")
        browser.fill("#admin-invite-form-username", "robin")
        browser.click("#admin-invite-form [type=submit]")
        browser.wait_for("#notices .is-bad b", "The store does not answer")
        typed = "return document.querySelector('#admin-invite-form-username').value"
        assert browser.run(typed) == "robin"
        browser.click("#admin-tabs-tab-keys")
        # In the card at first, in a notice once nobody's identity can be known.
        places = ("#admin-keys-state", "#notices")
        browser.wait(
            lambda: any("does not answer" in (browser.text(place) or "") for place in places),
            "the store is said not to answer",
        )
        store.enter_context(embedded.running(tmp_path / "valkey"))
        browser.wait_for("#admin-keys-state .state b", "No keys yet")
        browser.click("#admin-tabs-tab-users")
        browser.click("#admin-invite-form [type=submit]")
        browser.wait_for(row("robin"))
        refusals_expected(browser)


def may(browser: Browser) -> str:
    return str(browser.run("return document.documentElement.dataset.may || ''"))


def test_links_are_shown_to_those_who_may(guest: Browser) -> None:
    for username, admin_link, platform_link in (
        ("bob", False, False),
        ("alice", True, False),
        ("root", True, True),
    ):
        guest.driver.delete_all_cookies()
        guest.sign_in(username)
        guest.wait_for("#page-content h1", "Real-time analytics")
        guest.wait(lambda: Permission.ANALYTICS_VIEW in may(guest), "the pulse came")
        assert guest.shown("#sidebar a[href='/admin']") is admin_link
        assert guest.shown("#sidebar a[href='/platform']") is platform_link


def test_a_tenant_is_added_suspended_and_deleted_by_its_typed_id(
    guest: Browser, own_site: Site
) -> None:
    tenants = own_site.platform.services.accounts.tenants
    guest.sign_in("root")
    guest.wait_for("#page-content h1", "Real-time analytics")
    guest.open("/platform")
    guest.fill("#platform-new-tenant-form-tenant", "fresh")
    guest.fill("#platform-new-tenant-form-name", "<b>Fresh</b>")
    guest.click("#platform-new-tenant-form [type=submit]")
    fresh = '#platform-tenants-table tr[data-row="fresh"]'
    guest.wait_for(f"{fresh} .who > span", "<b>Fresh</b>")
    guest.click(f"{fresh} [data-does=suspend]")
    guest.wait_for(f"{fresh} .tag.warn", "Suspended")
    guest.click(f"{fresh} [data-does=delete]")
    guest.wait_for("dialog.ask h2")
    disabled = "return document.querySelector('dialog.ask .danger').disabled"
    assert guest.run(disabled)
    guest.fill("dialog.ask input", "fresh")
    assert not guest.run(disabled)
    guest.click("dialog.ask .danger")
    guest.wait(lambda: guest.text(fresh) is None, "the row is gone")
    assert tenant_id("fresh") not in tenants.ids()


def test_the_pages_fit_a_phone_and_ask_no_other_host(guest: Browser, own_site: Site) -> None:
    guest.sign_in("root")
    guest.wait_for("#page-content h1", "Real-time analytics")
    guest.size(390)
    tabs = [f"/admin?tab={name}" for name in ("overview", "users", "keys", "settings", "audit")]
    for address in (*tabs, *(f"/platform?tab={name}" for name in ("tenants", "comparison"))):
        guest.open(address)
        guest.wait_for("[role=tab][aria-selected=true]")
        width = "return document.documentElement.scrollWidth"
        guest.wait(
            lambda: not guest.run("return document.querySelector('.tab-panel:not([hidden]) .sk')"),
            "everything is read",
        )
        assert guest.run(width) == 390, address
    assert all(url.startswith((own_site.url, "data:", "blob:")) for url in guest.requested())
