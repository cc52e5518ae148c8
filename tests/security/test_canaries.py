"""Canaries: what marks one tenant is found nowhere in what another one is told."""

from __future__ import annotations

import base64
import gzip
import html
import json
import logging
import struct
import urllib.parse
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import structlog

from tests.security.bodies import UPDATE, pressed
from tests.security.scanner import Scanner
from tests.security.traffic import LAST_DAY, requests
from tests.security.worlds import (
    OUR_CANARY,
    OURS,
    THEIR_CANARY,
    THEIRS,
    WorkerHere,
    World,
    fill,
)


@pytest.fixture
def full(world: World) -> World:
    """Both tenants with data, people, keys and settings of their own; jobs are done at once."""
    fill(world, THEIRS, "ottokar", THEIR_CANARY)
    fill(world, OURS, "adelheid", OUR_CANARY)
    world.work_with(WorkerHere(world.platform))
    return world


THEIR_SCANNER = Scanner([*THEIR_CANARY.strings, "ottokar"], THEIR_CANARY.numbers)
OUR_SCANNER = Scanner([*OUR_CANARY.strings, "adelheid"], OUR_CANARY.numbers)


def test_nothing_that_a_tenant_is_told_holds_anothers_canaries(
    full: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # The other tenant first: what the caches keep of it must not reach ours.
    assert _told(full, "ottokar") >= {THEIR_CANARY.word, str(THEIR_CANARY.events)}
    caplog.clear()
    with structlog.testing.capture_logs() as lines:
        for who in ("admin", "analyst", "viewer", "key", "bearer", "anonymous"):
            client, tried, bytes_seen = full.caller(who), 0, 0
            for method, path, options in requests(full):
                answer = client.open(path, method=method, **options)
                leaked = THEIR_SCANNER.of_answer(answer)
                assert not leaked, (who, leaked, path, options, answer.text[:300])
                tried, bytes_seen = tried + 1, bytes_seen + len(answer.data)
            assert tried > 80
            assert bytes_seen > 10_000
    logged = f"{lines} {caplog.text} {[record.__dict__ for record in caplog.records]}"
    assert not THEIR_SCANNER.found(logged.encode())


def test_the_same_the_other_way_round(full: World) -> None:
    assert _told(full, "adelheid") >= {OUR_CANARY.word, str(OUR_CANARY.events)}
    client = full.browser("ottokar")
    for method, path, options in requests(full):
        if path != "/api/v1/auth/token":  # asks for ada by name
            leaked = OUR_SCANNER.of_answer(client.open(path, method=method, **options))
            assert not leaked, (leaked, path, options)


def test_the_scanner_would_see_ours(full: World) -> None:
    """What it looks for is there to be seen: pages, figures, files and answers hold our own."""
    scanner = Scanner(OUR_CANARY.strings, OUR_CANARY.numbers)
    client, version = full.browser("adelheid"), full.version("adelheid")
    seen: dict[str, set[str]] = {}
    for _ in range(2):  # what a job computes is there the second time
        for one in full.callbacks:
            answer = full.post(client, one, pressed(version))
            seen[one.name] = scanner.of_answer(answer)
    for name, wanted in (
        ("pulse.data", OUR_CANARY.word.title()),
        ("kpis-data.data", str(OUR_CANARY.events)),
        ("events-by-type-figure.data", OUR_CANARY.word),
        ("revenue-figure.data", str(OUR_CANARY.amount // 100)),
        ("channel-mix-content.children", OUR_CANARY.word),
        ("newest-events-table-data.data", OUR_CANARY.word),
        ("kpis-download.data", str(OUR_CANARY.amount)),
        ("admin-users-table-data.data", OUR_CANARY.word),
        ("admin-keys-table-data.data", OUR_CANARY.word),
        ("admin-settings-form-data.data", OUR_CANARY.word.title()),
        ("admin-audit-table-data.data", OUR_CANARY.word),
        ("admin-audit-download.data", OUR_CANARY.word),
    ):
        assert wanted in seen[name], (name, seen[name])
    answer = client.post("/api/v1/insights/kpis", json=LAST_DAY)
    assert {str(OUR_CANARY.amount), OUR_CANARY.currency} <= scanner.of_answer(answer)


def test_a_viewer_sees_no_personal_field_of_their_own_tenant(full: World) -> None:
    ids = [f"{OUR_CANARY.word}-buyer", *(f"{OUR_CANARY.word}-c{number}" for number in range(7))]
    personal = Scanner([*ids, f"{OUR_CANARY.word}@"])
    for who, allowed in (("analyst", True), ("viewer", False), ("key", False)):
        client, seen = full.caller(who), set[str]()
        for method, path, options in requests(full, acts=False):
            seen |= personal.of_answer(client.open(path, method=method, **options))
        assert bool(seen) == allowed, (who, seen)


def test_a_super_admin_sees_the_tenants_and_no_customer_of_another(full: World) -> None:
    word = THEIR_CANARY.word
    customers = Scanner([f"{word}-c", f"{word}-buyer", f"{word}@", f"{word}.happened"])
    client, names = full.caller("super admin"), set[str]()
    for method, path, options in requests(full, acts=False):
        answer = client.open(path, method=method, **options)
        assert not customers.of_answer(answer), (path, options)
        names |= Scanner([word.title()]).of_answer(answer)
    assert names == {word.title()}


def _text(text: str) -> bytes:
    return f"before {text} after".encode()


def _escaped(text: str) -> bytes:
    return json.dumps("".join(f"\\u{ord(one):04x}" for one in text)).replace("\\\\", "\\").encode()


_PACKED: dict[str, Callable[[str], tuple[bytes, str]]] = {
    "plain": lambda text: (_text(text), ""),
    "gzip": lambda text: (gzip.compress(_text(text)), "gzip"),
    "gzip unsaid": lambda text: (gzip.compress(_text(text)), ""),
    "br": lambda text: (brotli.compress(_text(text)), "br"),
    "json": lambda text: (json.dumps({"a": [{"b": text}]}).encode(), ""),
    "json escapes": lambda text: (_escaped(text), ""),
    "json in json": lambda text: (json.dumps({"a": json.dumps({text: 1})}).encode(), ""),
    "base64": lambda text: (b"x=" + base64.b64encode(_text(text)), ""),
    "base64 in json": lambda text: (
        json.dumps({"a": base64.b64encode(_text(text)).decode()}).encode(),
        "",
    ),
    "base64 for addresses": lambda text: (base64.urlsafe_b64encode(b"\x3f\x3e" + _text(text)), ""),
    "url": lambda text: (
        "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
        "",
    ),
    "html": lambda text: ("".join(f"&#{ord(one)};" for one in text).encode(), ""),
}


@pytest.mark.parametrize("packing", sorted(_PACKED))
def test_the_scanner_finds_a_planted_word_in(packing: str) -> None:
    content, encoding = _PACKED[packing](THEIR_CANARY.word)
    assert THEIR_SCANNER.found(content, encoding) == {THEIR_CANARY.word}
    assert THEIR_SCANNER.found(_PACKED[packing]("harmless")[0], encoding) == set()


@pytest.mark.parametrize("shown", ["1013", "1,013", "EUR 1,013", "1 013", "1\u202f013", '"1013"'])
def test_the_scanner_finds_a_number_as_it_is_written(shown: str) -> None:
    for content in (shown, json.dumps({"text": shown}), f"a {shown} b"):
        assert THEIR_SCANNER.found(content.encode()) == {"1013"}, content


def test_the_scanner_finds_an_amount_in_major_units() -> None:
    assert THEIR_SCANNER.found(b"XTS 1,794,246.73") >= {"179424673", "1794246", "XTS"}
    assert THEIR_SCANNER.found(b'{"value": 179424673}') == {"179424673"}


@pytest.mark.parametrize(("dtype", "code"), [("f8", "d"), ("i4", "i"), ("u2", "H"), ("f4", "f")])
def test_the_scanner_reads_the_arrays_of_a_figure(dtype: str, code: str) -> None:
    packed = base64.b64encode(struct.pack(f"<3{code}", 7, 1_013, 9)).decode()
    figure: dict[str, Any] = {"data": [{"y": {"dtype": dtype, "bdata": packed}}]}
    assert THEIR_SCANNER.found(json.dumps(figure).encode()) == {"1013"}
    assert THEIR_SCANNER.found(gzip.compress(json.dumps(figure).encode()), "gzip") == {"1013"}


def test_the_scanner_reads_headers_and_cookies(world: World) -> None:
    answer = world.stranger().get("/healthz")
    assert THEIR_SCANNER.of_answer(answer) == set()
    answer.headers["Set-Cookie"] = f"a={urllib.parse.quote(THEIR_CANARY.word)}"
    assert THEIR_SCANNER.of_answer(answer) == {THEIR_CANARY.word}
    answer.headers["Set-Cookie"] = html.escape("harmless")
    assert THEIR_SCANNER.of_answer(answer) == set()


def _told(world: World, name: str) -> set[str]:
    """What a tenant's own canaries its admin is told: proof that they are there."""
    canary = THEIR_CANARY if name == "ottokar" else OUR_CANARY
    scanner, client = Scanner(canary.strings, canary.numbers), world.browser(name)
    version, seen = world.version(name), set[str]()
    for one in world.callbacks:
        seen |= scanner.of_answer(client.post(UPDATE, json=one.body(pressed(version))))
    return seen
