"""The content security policy: no page does what it forbids, and it does forbid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from cip.domain.permissions import Role
from cip.domain.tenants import tenant_id
from tests.browser.conftest import PASSWORD, Browser, Site
from tests.browser.seeding import events

# Runs in every document before its first script.
_LISTEN: Final = (
    "window.violations = [];"
    "document.addEventListener('securitypolicyviolation', (event) =>"
    " window.violations.push(`${event.effectiveDirective} ${event.sourceFile}`))"
)
_DRAWN: Final = ".js-plotly-plot .main-svg"
# Page and what stands there once all of it was built.
_PAGES: Final = (
    ("/", _DRAWN),
    ("/segments", _DRAWN),
    ("/account", "h1"),
    *((f"/admin?tab={tab}", "h1") for tab in ("overview", "users", "keys", "settings", "audit")),
    *((f"/health?tab={tab}", "h1") for tab in ("flow", "letters")),
    *((f"/platform?tab={tab}", "h1") for tab in ("tenants", "comparison", "audit")),
)


@pytest.fixture
def root(site: Site, visitor: Browser) -> Iterator[Browser]:
    """A browser for somebody whom every page lets in."""
    accounts = site.platform.services.accounts
    if not site.sent:
        site.send(*events(site.clock.now))
    if accounts.users.find("root") is None:
        accounts.create_user("root", PASSWORD, tenant_id("acme"), Role.ADMIN)
        accounts.users.change("root", lambda user: user.model_copy(update={"super_admin": True}))
    command = visitor.driver.execute_cdp_cmd
    script = command("Page.addScriptToEvaluateOnNewDocument", {"source": _LISTEN})
    yield visitor
    command("Page.removeScriptToEvaluateOnNewDocument", script)


def violations(browser: Browser) -> list[str]:
    return list(browser.run("return window.violations"))


def test_no_page_violates_the_policy(root: Browser) -> None:
    for page in ("/login", "/join"):
        root.open(page)
        root.wait_for("h1")
        assert violations(root) == [], page
    root.sign_in("root")
    root.wait_for("#page-content h1")
    for page, built in _PAGES:
        root.open(page)
        root.wait_for(f"#page-content {built}")
        assert violations(root) == [], page


@pytest.mark.parametrize(
    ("page", "forbidden"),
    [
        ("/join", ["script-src-elem ", "style-src-attr ", "style-src-elem "]),
        ("/account", ["script-src-elem "]),
    ],
)
def test_what_is_put_into_a_page_does_not_run(
    root: Browser, page: str, forbidden: list[str]
) -> None:
    root.sign_in("root")
    root.wait_for("#page-content h1")
    root.open(page)
    root.wait_for("h1")
    root.run(
        "const put = (name, text) => {"
        " const e = document.createElement(name); e.textContent = text; document.head.append(e);"
        "};"
        "put('script', 'window.ran = true');"
        "put('style', 'h1 { color: red }');"
        "document.querySelector('h1').setAttribute('style', 'color: red')"
    )
    root.wait(lambda: len(violations(root)) >= len(forbidden), "the violations are reported")
    assert sorted(violations(root)) == forbidden
    assert root.run("return window.ran") is None
    root.complaints()  # of what was wanted here
