"""Bodies: strict JSON in, compressed answers out."""

from __future__ import annotations

import gzip

import brotli
import flask
import flask.testing
import pytest

from cip.web import bodies
from tests.web.conftest import Client

PACKED = {"Accept-Encoding": "gzip, br"}


@pytest.fixture
def client() -> flask.testing.FlaskClient:
    server = flask.Flask("bodies")

    @server.get("/text/<letter>/<int:length>")
    def text(letter: str, length: int) -> flask.Response:
        return flask.Response(letter * length, mimetype="application/json")

    @server.post("/")
    def read() -> str:
        return repr(flask.request.get_json(silent=True))

    bodies.install(server)
    made: flask.testing.FlaskClient = server.test_client()
    return made


def test_equal_answers_are_compressed_once(
    client: flask.testing.FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/text/a/5000", headers=PACKED)
    monkeypatch.setattr(brotli, "compress", lambda *_: b"compressed again")
    second = client.get("/text/a/5000", headers=PACKED)
    assert first.headers["Content-Encoding"] == second.headers["Content-Encoding"] == "br"
    assert brotli.decompress(first.data) == b"a" * 5000
    assert second.data == first.data
    assert second.headers["Content-Length"] == str(len(second.data))


def test_other_answers_at_the_same_address_are_themselves(
    client: flask.testing.FlaskClient,
) -> None:
    for letter in "abab":
        answer = client.get(f"/text/{letter}/5000", headers=PACKED)
        assert brotli.decompress(answer.data) == letter.encode() * 5000


def test_short_answers_and_plain_clients_get_the_bytes_as_they_are(
    client: flask.testing.FlaskClient,
) -> None:
    short = client.get("/text/a/1023", headers=PACKED)
    assert "Content-Encoding" not in short.headers
    assert short.data == b"a" * 1023
    plain = client.get("/text/a/5000")
    assert "Content-Encoding" not in plain.headers
    assert plain.data == b"a" * 5000
    assert plain.headers["Vary"] == "Accept-Encoding"


def test_the_store_of_compressed_answers_is_bounded() -> None:
    kept = bodies.KeptCompressed()
    half = bytes(bodies.MAX_KEPT_BYTES // 2)
    for name in ("first", "second", "third"):
        kept.set(name, half)
    assert kept.get("first") is None
    assert kept.get("second") == kept.get("third") == half


@pytest.mark.parametrize("text", ['{"a": NaN}', "[" * 5_000, '{"a": 1', ""])
def test_what_is_not_json_is_none(client: flask.testing.FlaskClient, text: str) -> None:
    answer = client.post("/", data=text, content_type="application/json")
    assert (answer.status_code, answer.text) == (200, "None")


def test_a_packed_callback_is_refused_and_never_unpacked(alice: Client) -> None:
    """A few kilobytes of zip can hold gigabytes: only the API unpacks, and within bounds."""
    packed = gzip.compress(b'{"output": "pulse.data"}')
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = alice.post("/_dash-update-component", data=packed, headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "malformed")
