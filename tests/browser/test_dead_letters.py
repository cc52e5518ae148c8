"""System health in a browser: what was not counted is found, repaired, counted or discarded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from cip.domain.tenants import tenant_id
from cip.store import embedded, keys
from tests.browser.conftest import Browser, Site, fresh_browser, running_site
from tests.browser.test_admin import notice, press, refusals_expected
from tests.factories import raw_event

ACME = tenant_id("acme")
CURRENCY = "api:currency:properties.currency"
POISON = "stream:unreadable:occurred_at_us"
TEXTAREA = "#letter-content textarea"
DOLLARS = {"amount_minor": 500, "currency": "USD"}


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose events other tests do not count."""
    home: Path = tmp_path_factory.mktemp("letters")
    with (
        embedded.running(tmp_path_factory.mktemp("letters-valkey")) as server,
        running_site(home, server.url) as running,
    ):
        yield running


@pytest.fixture
def admin(chromium: Any, own_site: Site) -> Iterator[Browser]:
    own_site.platform.client.delete(
        keys.dead_letters(ACME), keys.dead_letter_counts(ACME), keys.dead_letter_index(ACME),
        keys.dead_letter_digests(ACME),
    )  # fmt: skip
    with fresh_browser(chromium, own_site.url) as browser:
        browser.sign_in()
        browser.wait_for("#page-content h1", "Real-time analytics")
        yield browser


def consume(site: Site) -> None:
    consumer = site.platform.consumer()
    while consumer.live_step() or consumer.history_step():
        pass


def poison(site: Site, event_id: str) -> None:
    """What another program wrote into the stream, with an instant that is none."""
    fields = [event_id, "<b>ann</b>", "page.viewed", "today", "web", {}, 1]
    site.platform.consumer()
    site.platform.client.xadd(keys.events(ACME), {"e": orjson.dumps(fields)})
    consume(site)


def reject(site: Site, *event_ids: str, customer: str = "ann") -> None:
    now = site.clock.now
    events = [
        raw_event(event_id=one, customer=customer, kind="purchase.completed", properties=DOLLARS,
                  now=now)
        for one in event_ids
    ]  # fmt: skip
    answer = site.platform.services.ingestion.accept(ACME, events)
    assert len(answer.rejected) == len(event_ids)


def counted(site: Site) -> int:
    consume(site)
    principal = site.platform.principal()
    return site.platform.services.event_flow.of(principal).events_counted


def open_reason(browser: Browser, key: str) -> None:
    browser.open("/health?tab=letters")
    browser.click(f'#letter-reasons-table tr[data-row="{key}"] .open button')
    browser.wait_for("#letters-table tr[data-row]")


def open_letter(browser: Browser, key: str) -> None:
    open_reason(browser, key)
    browser.click("#letters-table tr[data-row] .open button")
    browser.wait_for("#letter-content .letter-json")


def edit(browser: Browser, **changes: Any) -> None:
    if not browser.run(f"return Boolean(document.querySelector('{TEXTAREA}'))"):
        press(browser, "#letter-content", "Edit")
    text = browser.run(f"return document.querySelector('{TEXTAREA}').value")
    browser.run(
        f"const e = document.querySelector('{TEXTAREA}'); e.value = arguments[0];"
        "e.dispatchEvent(new Event('input', { bubbles: true }))",
        orjson.dumps({**orjson.loads(text), **changes}, option=orjson.OPT_INDENT_2).decode(),
    )


def reasons(browser: Browser) -> dict[str, str]:
    rows = browser.run(
        "return Array.from(document.querySelectorAll('#letter-reasons-table tr[data-row]'),"
        " r => [r.dataset.row, r.cells[2].textContent])"
    )
    return {key: many for key, many in rows}  # noqa: C416 - lists, not pairs


def test_poison_is_found_edited_replayed_and_counted(admin: Browser, own_site: Site) -> None:
    poison(own_site, "poisoned")
    before = counted(own_site)
    admin.open("/health?tab=letters")
    admin.wait(lambda: reasons(admin) == {POISON: "1"}, "the poison is listed")
    open_letter(admin, POISON)
    assert admin.text("#letter-content .fault") == '  "occurred_at": "today",\n'
    assert "<b>ann</b>" in str(admin.text("#letter-content pre"))
    edit(admin, occurred_at="yesterday")
    press(admin, "#letter-content", "Replay as edited")
    error = "#letter-content [data-error-for=event]"
    admin.wait(lambda: "occurred_at: Not an ISO" in (admin.text(error) or ""), "the field is named")
    selected = (
        f"const e = document.querySelector('{TEXTAREA}');"
        "return e.value.slice(e.selectionStart, e.selectionEnd)"
    )
    assert admin.run(selected) == '"occurred_at": "yesterday",'
    edit(admin, occurred_at=own_site.clock.now.isoformat())
    press(admin, "#letter-content", "Replay as edited")
    notice(admin, "1 event replayed")
    admin.wait_for("#letter-reasons-state .state b", "No dead letters")
    assert not admin.shown("#letter")
    assert counted(own_site) == before + 1
    refusals_expected(admin)


def test_a_letter_is_discarded_after_a_question_and_the_lists_follow(
    admin: Browser, own_site: Site
) -> None:
    reject(own_site, "first", "second")
    before = counted(own_site)
    open_letter(admin, CURRENCY)
    for answer in ("no", "yes"):
        press(admin, "#letter-content", "Discard")
        admin.wait_for("dialog.ask h2", "Discard this letter?")
        admin.click(f"dialog.ask button[value={answer}]")
        admin.wait(lambda: admin.text("dialog.ask") is None, "the question is gone")
    notice(admin, "1 letter discarded")
    admin.wait(lambda: reasons(admin) == {CURRENCY: "1"}, "the reasons follow")
    rows = "return document.querySelectorAll('#letters-table tr[data-row]').length"
    admin.wait(lambda: admin.run(rows) == 1, "the list follows")
    assert "first" in str(admin.text("#letters-table"))
    assert counted(own_site) == before


def test_a_whole_reason_is_replayed_and_another_discarded(admin: Browser, own_site: Site) -> None:
    reject(own_site, *(f"all-{number}" for number in range(30)))
    poison(own_site, "hopeless")
    before = counted(own_site)
    open_reason(admin, CURRENCY)
    rows = "return document.querySelectorAll('#letters-table tr[data-row]').length"
    assert admin.run(rows) == 25
    admin.click("#letters-older")
    admin.wait(lambda: admin.run(rows) == 30, "older letters are shown too")
    admin.click(f'[data-row="{CURRENCY}"] [data-does=replay_all]')
    admin.wait_for("dialog.ask h2", "Replay 30 letters?")
    press(admin, "dialog.ask", "Replay all")
    notice(admin, "30 letters stay. properties.currency: The tenant's currency is EUR.")
    tenants = own_site.platform.services.accounts.tenants
    tenants.change(ACME, lambda one: one.model_copy(update={"currency": "USD"}))
    admin.click(f'[data-row="{CURRENCY}"] [data-does=replay_all]')
    press(admin, "dialog.ask", "Replay all")
    notice(admin, "30 events replayed")
    tenants.change(ACME, lambda one: one.model_copy(update={"currency": "EUR"}))
    admin.wait(lambda: reasons(admin) == {POISON: "1"}, "one reason is left")
    admin.wait_for("#letters-state .state b", "None left")
    assert counted(own_site) == before + 30
    admin.click(f'[data-row="{POISON}"] [data-does=discard_all]')
    admin.wait_for("dialog.ask h2", "Discard 1 letter?")
    press(admin, "dialog.ask", "Discard all")
    admin.wait_for("#letter-reasons-state .state b", "No dead letters")


def test_a_payload_stands_in_no_address_log_or_file(
    admin: Browser, own_site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    reject(own_site, "order-1", customer="canary-customer")
    open_letter(admin, CURRENCY)
    admin.traffic()
    admin.run(
        "window.kept = []; const make = URL.createObjectURL;"
        "URL.createObjectURL = blob => { blob.text().then(t => kept.push(t)); return make(blob) }"
    )
    admin.click("#letters-csv")
    admin.wait(lambda: admin.run("return kept.length"), "a file was made")
    (content,) = admin.run("return kept")
    assert "order-1,purchase.completed" in content
    press(admin, "#letter-content", "Discard")
    press(admin, "dialog.ask", "Discard")
    notice(admin, "1 letter discarded")
    log = own_site.platform.client.xrange(keys.audit(ACME))
    assert b"dead_letter.exported" in repr(log).encode()
    for place in (content, repr(log), repr(admin.requested()), *capfd.readouterr()):
        assert "canary" not in place


def test_a_draft_is_kept_and_a_letter_that_somebody_else_settled_is_said_to_be_gone(
    admin: Browser, own_site: Site
) -> None:
    reject(own_site, "theirs", "mine")
    open_letter(admin, CURRENCY)
    edit(admin, channel="a draft")
    openers = "document.querySelectorAll('#letters-table .open button')"
    theirs = str(admin.run(f"return {openers}[1].closest('tr').dataset.row"))
    fact = "return document.querySelector('#letter-content dl')?.textContent || ''"
    admin.run(f"{openers}[1].click()")
    admin.wait(lambda: "theirs" in admin.run(fact), "the other one is open")
    admin.run(f"{openers}[0].click()")
    admin.wait(lambda: "mine" in admin.run(fact), "the first one is open again")
    assert '"a draft"' in admin.run(f"return document.querySelector('{TEXTAREA}').value")
    own_site.platform.services.dead_letters.discard(own_site.platform.principal(), theirs)
    admin.run(f"{openers}[1].click()")
    admin.wait_for("#letter-state .error b", "This card could not be read")
    assert "replayed or discarded already" in str(admin.text("#letter-state .error"))
    assert "not_found" in str(admin.text("#letter-state details.fold"))
    admin.click("#refresh-now")
    admin.wait(lambda: reasons(admin) == {CURRENCY: "1"}, "the reasons follow")


def test_the_flow_is_shown_by_group(admin: Browser, own_site: Site) -> None:
    reject(own_site, "one more")
    own_site.send(raw_event(now=own_site.clock.now))
    admin.open("/health")
    admin.wait_for("#event-groups-table tr[data-row=live] .tag", "Runs")
    admin.wait_for("#event-groups-table tr[data-row=history] .tag", "Runs")
    key = "#event-flow-content .key-figure[data-go-tab=letters]"
    assert admin.text(f"{key} .value") == "1"
    admin.click(key)
    admin.wait(lambda: reasons(admin) == {CURRENCY: "1"}, "its tab opens and reads")


def test_it_works_by_keyboard_and_fits_a_phone(admin: Browser, own_site: Site) -> None:
    reject(own_site, "a-very-long-event-id-" + "x" * 200)
    admin.size(390)
    admin.open("/health?tab=letters")
    admin.wait_for("#letter-reasons-table tr[data-row]")
    active = "return document.activeElement.tagName + ' ' + document.activeElement.textContent"
    for panel in ("letter-reasons", "letters"):
        opener = f"#{panel}-table .open button"
        admin.wait_for(opener)
        admin.run(f"document.querySelector({opener!r}).focus()")
        assert str(admin.run(active)).startswith("BUTTON")
        admin.driver.switch_to.active_element.send_keys("\n")
    admin.wait_for("#letter-content .letter-json")
    press(admin, "#letter-content", "Edit")
    assert admin.run("return document.activeElement.tagName") == "TEXTAREA"
    assert admin.run("return document.documentElement.scrollWidth") == 390


def test_only_those_who_may_see_the_page(chromium: Any, own_site: Site) -> None:
    with fresh_browser(chromium, own_site.url) as browser:
        browser.sign_in("bob")
        browser.wait_for("#page-content h1", "Real-time analytics")
        browser.wait(lambda: browser.run("return document.documentElement.dataset.may"), "a pulse")
        assert not browser.shown("#sidebar a[href='/health']")
        browser.open("/health")
        browser.wait_for("#page-content h1", "Not allowed")


def test_nothing_typed_is_lost_while_redis_is_away(chromium: Any, tmp_path: Path) -> None:
    store = ExitStack()
    url = store.enter_context(embedded.running(tmp_path / "valkey")).url
    with (
        store,
        running_site(tmp_path / "home", url) as site,
        fresh_browser(chromium, site.url) as browser,
    ):
        reject(site, "kept")
        browser.sign_in()
        browser.wait_for("#page-content h1", "Real-time analytics")
        open_letter(browser, CURRENCY)
        edit(browser, properties={"amount_minor": 500, "currency": "EUR"})
        store.close()
        press(browser, "#letter-content", "Replay as edited")
        browser.wait_for("#notices .is-bad b", "The store does not answer")
        assert '"currency": "EUR"' in browser.run(
            f"return document.querySelector('{TEXTAREA}').value"
        )
        assert reasons(browser) == {CURRENCY: "1"}
        store.enter_context(embedded.running(tmp_path / "valkey"))
        press(browser, "#letter-content", "Replay as edited")
        browser.wait(lambda: reasons(browser) == {}, "it is replayed after all")
        consume(site)
        assert counted(site) == 1
        refusals_expected(browser)
