"""What the benchmarks share: a platform of their own, load on it, and how ratios are told."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from cip.auth.keyring import KeyRing
from cip.domain.permissions import Permission, Role
from cip.domain.tenants import TenantId, tenant_id
from cip.services import Services, make_services
from cip.store import embedded

PROJECT: Final = Path(__file__).resolve().parents[1]
TENANT: Final = tenant_id("bench")
USER: Final = "bench"
PASSWORD: Final = "lantern gravel oboe tundra"  # noqa: S105 - of a server that lives for one run
KEYS: Final = KeyRing("of the benchmarks alone: Wq8LzT5yN2bV7xKd")
CONNECTIONS: Final = 16
# The empty application runs by the very settings of the platform's web server.
_GUNICORN: Final = (sys.executable, "-m", "gunicorn", "-c", "python:cip.cli.gunicorn_settings")
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Target:
    """What one side of a comparison is asked: a request, and what a page asks next."""

    port: int
    body: str
    cookie: str = ""  # of one viewer
    cookies: tuple[str, ...] = ()  # of many, by turns
    panel: str | None = None
    forgets: bool = False
    version: str = ""


@dataclass(frozen=True)
class Round:
    """What came back in one round."""

    requests: int
    seconds: float
    statuses: Mapping[str, int]
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass
class Platform:
    """The platform's own processes on a folder of its own; all end with the block."""

    folder: Path
    redis_url: str
    services: Services
    environment: dict[str, str]
    web_pid: int = 0  # of the web server's master
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def history_root(self) -> str:
        return self.environment["CIP_HISTORY_URL"]

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"log-{len(self._processes)}").open("wb")
        with log:
            process = subprocess.Popen(
                command,
                env=self.environment | environment,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def start_web(self) -> int:
        """The real application under the project's own settings; its port."""
        port = self.serve("wsgi:server", "/healthz")
        self.web_pid = self._processes[-1].pid
        return port

    def start_empty(self) -> int:
        """The empty Dash application under the same settings; its port."""
        return self.serve("_empty_dash:server", "/_dash-layout")

    def start_ingest(self) -> None:
        self.start(sys.executable, "-m", "cip.cli.main", "ingest")

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def serve(self, application: str, path: str) -> int:
        port = free_port()
        process = self.start(
            *_GUNICORN, "--pythonpath", "benchmarks", application, CIP_PORT=str(port)
        )
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{application} did not start: see {self.folder}")
            time.sleep(0.1)
        return port


@contextmanager
def platform() -> Iterator[Platform]:
    """A server with the configuration of `cip up`, a tenant, and a user who may see it all."""
    with tempfile.TemporaryDirectory(prefix="cip-bench-") as name:
        folder = Path(name)
        with embedded.running(folder / "valkey") as server:
            services = make_services(server.url, server.url, KEYS)
            services.accounts.create_tenant(TENANT)
            services.accounts.create_user(USER, PASSWORD, TENANT, Role.ADMIN)
            environment = {key: text for key, text in os.environ.items() if key[:4] != "CIP_"} | {
                "CIP_HOME": str(folder),
                "CIP_REDIS_URL": server.url,
                "CIP_HISTORY_URL": str(folder / "history"),
                "CIP_SECRET_KEY": KEYS.current,
            }
            running = Platform(folder, server.url, services, environment)
            try:
                yield running
            finally:
                running.stop()


def load(target: Target, seconds: float, connections: int = CONNECTIONS) -> Round:
    """One round of closed loops from a process of its own."""
    head = (
        "POST /_dash-update-component HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{target.port}\r\n"
        f"Origin: http://127.0.0.1:{target.port}\r\n"
        "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n"
        "Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n"
    )
    viewers = target.cookies or (target.cookie,)
    plan = {
        "host": "127.0.0.1",
        "port": target.port,
        "heads": [head + _cookie_lines(cookie) for cookie in viewers],
        "body": target.body,
        "panel": target.panel,
        "forgets": target.forgets,
        "version": target.version,
        "seconds": seconds,
        "connections": connections,
    }
    answer = subprocess.run(
        [sys.executable, "-I", "-S", str(PROJECT / "benchmarks" / "_load.py")],
        input=json.dumps(plan).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    said = json.loads(answer.stdout)
    return Round(
        said["requests"], said["seconds"], said["statuses"], said["p50_ms"], said["p99_ms"]
    )


def _cookie_lines(cookie: str) -> str:
    """The cookies, and what a page of ours sends along: the one of them that scripts may read."""
    return "".join(f"{name}: {text}\r\n" for name, text in cookie_headers(cookie).items())


def cookie_headers(cookie: str) -> dict[str, str]:
    if not cookie:
        return {}
    parts = dict(part.split("=", 1) for part in cookie.split("; "))
    return {"Cookie": cookie, "X-CSRF-Token": parts.get("cip_csrf", "")}


def alternate(
    ours: Target, yardstick: Target, *, rounds: int, seconds: float
) -> list[tuple[Round, Round]]:
    """Rounds by turns, each pair in the other order than the one before."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = load(yardstick, seconds)
            pairs.append((load(ours, seconds), second))
        else:
            first = load(ours, seconds)
            pairs.append((first, load(yardstick, seconds)))
    return pairs


def tell_rounds(name: str, pairs: Sequence[tuple[Round, Round]]) -> float:
    """Prints the rounds; the median of their ratios."""
    print(f"  {name}: requests a second (p50 ms) against an empty callback")
    for ours, empty in pairs:
        print(
            f"    {ours.rate:7.0f} ({ours.p50_ms:5.2f})  {empty.rate:7.0f} ({empty.p50_ms:5.2f})"
            f"  {ours.rate / empty.rate:5.2f}   {_told(ours.statuses)}"
        )
    return statistics.median(ours.rate / empty.rate for ours, empty in pairs)


def tell_ratio(name: str, ratio: float, goal: float) -> None:
    print(f"ratio {name} = {ratio:.2f} (goal ≥ {goal})")


def sign_in(port: int) -> str:
    """The cookie of a browser that is signed in."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    form = urlencode({"username": USER, "password": PASSWORD})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", form, kind)
    answer = connection.getresponse()
    if answer.status != 303:
        raise SystemExit(f"signing in answered {answer.status}")
    cookies: SimpleCookie = SimpleCookie()
    for text in answer.headers.get_all("Set-Cookie") or ():
        cookies.load(text)
    connection.close()
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


def callback_body(port: int, cookie: str, output: str, values: Mapping[str, Any]) -> str:
    """What a browser posts to the callback that writes `output`; `values`: `id.property` → value
    of its inputs and state, null where not named. The first input is what changed."""
    _, text = get(port, "/_dash-dependencies", cookie)
    found = next(
        each
        for each in json.loads(text)
        if output in _outputs(each["output"]) and each["clientside_function"] is None
    )
    several = found["output"].startswith("..")
    outputs = [_part(name) for name in _outputs(found["output"])]
    return json.dumps(
        {
            "output": found["output"],
            "outputs": outputs if several else outputs[0],
            "inputs": [_valued(each, values) for each in found["inputs"]],
            "state": [_valued(each, values) for each in found["state"]],
            "changedPropIds": [f"{found['inputs'][0]['id']}.{found['inputs'][0]['property']}"],
            "parsedChangedPropsIds": [found["inputs"][0]["id"]],
        }
    )


def post(port: int, body: str, cookie: str) -> tuple[int, Any]:
    """One callback's status and answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    head = {"Content-Type": "application/json"} | cookie_headers(cookie)
    connection.request("POST", "/_dash-update-component", body, head)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def get(port: int, path: str, cookie: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def api_key(services: Services) -> str:
    scopes = frozenset({Permission.EVENTS_WRITE})
    return services.accounts.create_key(TENANT, "bench", scopes)[1]


def raw_events(number: int, *, seed: int, over: timedelta, until: datetime) -> list[dict[str, Any]]:
    """Events as a shop's site sends them: mostly views, some purchases, of 2,000 customers."""
    draw = random.Random(seed)  # noqa: S311 - load, not secrets
    events: list[dict[str, Any]] = []
    for at in range(number):
        buys = draw.random() < 0.05
        amount = {"amount_minor": draw.randrange(500, 20_000), "currency": "EUR"}
        seen = {"page": f"/products/{draw.randrange(400)}", "referrer": "search"}
        events.append(
            {
                "event_id": f"bench-{seed}-{at}",
                "customer_id": f"customer-{draw.randrange(2_000)}",
                "type": "purchase.completed" if buys else draw.choice(_TYPES),
                "occurred_at": (until - over * draw.random()).isoformat(),
                "channel": draw.choice(("web", "app", "email", "store")),
                "properties": amount if buys else seen,
            }
        )
    return events


_TYPES: Final = ("page.viewed", "page.viewed", "product.viewed", "search.made", "cart.updated")


def send(services: Services, tenant: TenantId, events: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(events), 1_000):
        answer = services.ingestion.accept(tenant, events[start : start + 1_000])
        if answer.rejected:
            raise SystemExit(f"an event was rejected: {answer.rejected[0]}")


def utc_now() -> datetime:
    return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    try:
        return get(port, path)[0] == 200
    except OSError:
        return False


def _outputs(text: str) -> list[str]:
    return text.strip(".").split("...") if text.startswith("..") else [text]


def _part(name: str) -> dict[str, str]:
    component, _, prop = name.rpartition(".")
    return {"id": component, "property": prop}


def _valued(part: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {**part, "value": values.get(f"{part['id']}.{part['property']}")}


def _told(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{number}× {what}" for what, number in sorted(statuses.items()))
