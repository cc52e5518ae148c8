"""The session cookie: checked once, never believed when forged or too old."""

from __future__ import annotations

import flask
import flask.testing
import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from cip.web.sessions import KeptSessions

LIFE_SECONDS = 100


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: int(clock()))
    return clock


@pytest.fixture
def client(clock: Clock) -> flask.testing.FlaskClient:
    server = flask.Flask("sessions")
    server.config.update(SECRET_KEY="s" * 32, PERMANENT_SESSION_LIFETIME=LIFE_SECONDS)
    server.config["SESSION_REFRESH_EACH_REQUEST"] = False
    server.session_interface = KeptSessions(clock)

    @server.post("/<name>")
    def open_(name: str) -> str:
        flask.session["name"] = name
        return "opened"

    @server.get("/")
    def name() -> str:
        return str(flask.session.get("name"))

    @server.post("/lists/<entry>")
    def add(entry: str) -> str:
        flask.session["entries"] = [*flask.session.get("entries", []), entry]
        return "added"

    @server.get("/lists/<entry>")
    def misuse(entry: str) -> str:
        entries: list[str] = flask.session.get("entries", [])
        entries.append(entry)
        return ",".join(entries)

    made: flask.testing.FlaskClient = server.test_client()
    return made


def test_a_cookie_is_verified_once(
    client: flask.testing.FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/alice")
    assert client.get("/").text == "alice"

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("verified again")

    monkeypatch.setattr(URLSafeTimedSerializer, "loads", refuse)
    assert client.get("/").text == "alice"


def test_a_forged_cookie_opens_nothing(client: flask.testing.FlaskClient) -> None:
    client.post("/alice")
    assert client.get("/").text == "alice"
    cookie = client.get_cookie("session")
    assert cookie is not None
    payload, _, signature = cookie.value.rpartition(".")
    swapped = signature.swapcase()
    client.set_cookie("session", f"{payload}.{swapped}")
    assert client.get("/").text == "None"


def test_a_kept_cookie_ends_when_it_expires(
    client: flask.testing.FlaskClient, clock: Clock
) -> None:
    client.post("/alice")
    clock.now += LIFE_SECONDS
    assert client.get("/").text == "alice"
    clock.now += 1
    assert client.get("/").text == "None"


def test_a_changed_session_is_another_cookie(client: flask.testing.FlaskClient) -> None:
    client.post("/alice")
    assert client.get("/").text == "alice"
    client.post("/bob")
    assert client.get("/").text == "bob"


def test_what_one_request_changes_in_place_reaches_no_other(
    client: flask.testing.FlaskClient,
) -> None:
    client.post("/lists/a")
    assert client.get("/lists/b").text == "a,b"
    assert client.get("/lists/c").text == "a,c"
