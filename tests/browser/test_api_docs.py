"""The page that shows the API: drawn without a violation of the policy or a foreign request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import Browser

# Runs in every document before its first script.
_LISTEN: Final = (
    "window.violations = [];"
    "document.addEventListener('securitypolicyviolation', (event) =>"
    " window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`))"
)


@pytest.fixture
def listening(visitor: Browser) -> Iterator[Browser]:
    command = visitor.driver.execute_cdp_cmd
    script = command("Page.addScriptToEvaluateOnNewDocument", {"source": _LISTEN})
    yield visitor
    command("Page.removeScriptToEvaluateOnNewDocument", script)


def test_it_shows_every_route_to_anybody_and_asks_no_other_host(listening: Browser) -> None:
    browser = listening
    browser.open("/api/docs")
    browser.wait(lambda: browser.run(_OPERATIONS) == 9, "all routes are drawn")
    browser.run("document.querySelector('.opblock-summary-control').click()")
    browser.wait_for(".opblock.is-open .responses-wrapper")
    assert browser.run("return window.violations") == []
    loaded = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert {urlsplit(one).netloc for one in loaded} == {urlsplit(browser.url).netloc}
    assert f"{browser.url}/api/v1/openapi.json" in loaded
    assert json.dumps(browser.complaints()) == "[]"


_OPERATIONS: Final = "return document.querySelectorAll('.opblock').length"
