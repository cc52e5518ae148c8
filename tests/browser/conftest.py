"""A running site on a real server with known events, a worker for its jobs, and a browser."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ConnectionError as RedisGoneError
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.remote_connection import RemoteConnection
from werkzeug.serving import BaseWSGIServer, make_server

import wsgi
from cip.domain.permissions import Role
from cip.jobs.tasks import Job, compute_insight
from cip.settings import Settings
from cip.store import embedded
from cip.store.queue import COMPUTE_INSIGHT
from tests.factories import KEYS, Clock, Platform
from tests.waiting import wait_until

PASSWORD = "correct horse battery"
SECONDS = 20.0
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
    "--window-size=1440,1000",
)  # fmt: skip
_KNOWN_WARNINGS = (
    # The selenium that dash[testing] asks for calls an older urllib3.
    "ignore:HTTPResponse.getheader.. is deprecated:DeprecationWarning",
)
Sent = dict[str, Any]


@dataclass
class Site:
    """The application behind `url`; `sent` holds every raw event that it was given."""

    url: str
    platform: Platform
    clock: Clock
    home: Path
    sent: list[Sent] = field(default_factory=list)

    def send(self, *events: Sent) -> None:
        self.platform.send(*events)
        self.sent.extend(events)

    def within(self, length: timedelta, *, channel: str | None = None) -> list[Sent]:
        """The events of the window that ends with the clock's minute."""
        end = self.clock.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return [
            event
            for event in self.sent
            if end - length <= occurred(event) < end and channel in (None, event["channel"])
        ]


def occurred(event: Sent) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


class Browser:
    """Chromium with the few words that the tests need."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str | None:
        """The text of the first match, None while there is none."""
        found = self.run(
            "const e = document.querySelector(arguments[0]); return e && e.textContent", selector
        )
        return None if found is None else str(found)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        wait_until(condition, SECONDS, what)

    def wait_for(self, selector: str, text: str | None = None) -> None:
        """Until the element stands there, with this text where one is given."""
        self.wait(
            lambda: (shown := self.text(selector)) is not None and text in (None, shown),
            f"{selector} shows {text!r}",
        )

    def fill(self, selector: str, value: str) -> None:
        """Sets a field's value as typing does; a date in ISO form."""
        self.wait_for(selector)
        self.run(
            "const e = document.querySelector(arguments[0]);"
            "Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')"
            ".set.call(e, arguments[1]);"
            "for (const name of ['input', 'change'])"
            " e.dispatchEvent(new Event(name, { bubbles: true }))",
            selector,
            value,
        )

    def post(self, path: str, body: str, **headers: str) -> tuple[int, str]:
        """Status and text of what the page's own session gets."""
        script = (
            "const done = arguments[3];"
            "const proof = /cip_csrf=([^;]*)/.exec(document.cookie)[1];"
            "const headers = { 'X-CSRF-Token': proof, ...arguments[2] };"
            "fetch(arguments[0], { method: 'POST', body: arguments[1], headers })"
            ".then(a => a.text().then(text => done([a.status, text])))"
        )
        status, text = self.driver.execute_async_script(script, path, body, headers)
        return status, text

    def shown(self, selector: str) -> bool:
        """Whether the element can be seen."""
        boxes = "document.querySelector(arguments[0]).getClientRects().length > 0"
        return bool(self.run(f"return {boxes}", selector))

    def click(self, selector: str) -> None:
        self.wait_for(selector)
        self.run("document.querySelector(arguments[0]).click()", selector)

    def sign_in(self, username: str = "alice", password: str = PASSWORD) -> None:
        self.open("/login")
        self.run(
            "document.querySelector('#username').value = arguments[0];"
            "document.querySelector('#password').value = arguments[1];"
            "document.querySelector('#sign-in').click()",
            username,
            password,
        )

    def size(self, width: int, height: int = 1000) -> None:
        metrics = {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        }  # fmt: skip
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def traffic(self) -> list[dict[str, Any]]:
        """What the browser asked for and got since the last call."""
        entries = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [entry for entry in entries if entry["method"].startswith("Network.")]

    def requested(self) -> list[str]:
        return [
            entry["params"]["request"]["url"]
            for entry in self.traffic()
            if entry["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """What the console holds of errors since the last call."""
        entries = self.driver.get_log("browser")
        return [e["message"] for e in entries if e["level"] == "SEVERE"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of the tenant `acme`, its clock standing at the start of the run."""
    home = tmp_path_factory.mktemp("browser")
    with (
        embedded.running(tmp_path_factory.mktemp("browser-valkey")) as server,
        running_site(home, server.url) as running,
    ):
        yield running


@contextmanager
def running_site(home: Path, redis_url: str) -> Iterator[Site]:
    """A site with its data in `home`; alice administers its tenant, bob may only look."""
    clock = Clock(datetime.now(UTC))
    platform = Platform(redis_url, str(home / "history"), clock)
    acme = platform.add_tenant(currency="EUR", timezone="Europe/Berlin")
    create = platform.services.accounts.create_user
    create("alice", PASSWORD, acme, Role.ADMIN)
    create("bob", PASSWORD, acme, Role.VIEWER)
    own = {"CIP_HOME": str(home), "CIP_REDIS_URL": redis_url, "CIP_SECRET_KEY": KEYS.current}
    settings = Settings.from_env(own)
    app = wsgi.create_app(settings, platform.services)
    with Serving(app.server) as port, Working(platform):
        yield Site(f"http://127.0.0.1:{port}", platform, clock, home)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for the whole run."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    remote: Any = RemoteConnection
    remote.set_timeout(60)  # this selenium has no default that urllib3 2 accepts
    options: Any = webdriver.ChromeOptions()
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = webdriver.Chrome(service=Service(driver), options=options)
    yield chrome
    chrome.quit()


@pytest.fixture
def visitor(chromium: Any, site: Site) -> Iterator[Browser]:
    """A browser that is not signed in, at 1440 pixels, in light."""
    with fresh_browser(chromium, site.url) as browser:
        yield browser


@contextmanager
def fresh_browser(chromium: Any, url: str) -> Iterator[Browser]:
    """Nothing kept from the test before; what the console complains about at the end fails."""
    browser = Browser(chromium, url)
    # A page that asks for nothing: an answer under way could set a cookie anew.
    browser.open("/healthz")
    chromium.delete_all_cookies()
    browser.run("localStorage.clear(); sessionStorage.clear()")
    light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
    browser.size(1440)
    browser.traffic()
    browser.complaints()
    yield browser
    assert not _unexpected(browser.complaints())


@pytest.fixture
def alice(visitor: Browser) -> Browser:
    """A browser signed in as the administrator of acme, on the home page."""
    visitor.sign_in()
    visitor.wait_for("#page-content h1", "Real-time analytics")
    return visitor


def _unexpected(complaints: list[str]) -> list[str]:
    # A refusal and a missing page are errors to the console, and wanted where tests cause them.
    wanted = ("/login", "status of 404", "status of 401")
    return [c for c in complaints if not any(part in c for part in wanted)]


class Serving:
    """Serves a WSGI application on a free port for the length of a `with`."""

    def __init__(self, application: Any) -> None:
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, application, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> int:
        self._thread.start()
        return int(urlsplit(f"//{self._server.host}:{self._server.port}").port or 0)

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Working:
    """Does what the job workers would, for the length of a `with`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        platform = self._platform
        while not self._over.is_set():
            try:
                message = platform.client.brpop(["jobs:interactive", "jobs:heavy"], timeout=1)
            except RedisGoneError:  # as it is while a test has stopped it
                self._over.wait(0.1)
                continue
            sent = json.loads(message[1]) if message is not None else None
            if sent is not None and sent["headers"]["task"] == COMPUTE_INSIGHT:
                body = json.loads(base64.b64decode(sent["body"]))
                job = Job.of(*body[0])
                compute_insight(job, platform.services, platform.history_root, platform.clock)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            for known in _KNOWN_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(known))
