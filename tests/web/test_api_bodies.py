"""The bodies of `POST /api/v1/events`: all forms give the same, none is unpacked without end."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import orjson
import pytest

from cip.domain.events import MAX_REQUEST_BYTES
from cip.services.ingestion import UnreadableLine
from cip.web.api_bodies import MAX_GZIP_MEMBERS
from tests.factories import Platform, raw_event
from tests.web.conftest import Client

JSON = "application/json"
FORMS = [
    (kind, encoding)
    for kind in (JSON, "application/x-ndjson", "application/jsonl")
    for encoding in (None, "identity", "gzip", "x-gzip", "GZIP")
]


@pytest.fixture
def send(anonymous: Client, api_key: str) -> Any:
    def send(data: bytes, kind: str = JSON, encoding: str | None = None) -> Any:
        headers = {"X-API-Key": api_key, "Content-Type": kind}
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        return anonymous.post("/api/v1/events", data=data, headers=headers)

    return send


def written(events: list[Any], kind: str) -> bytes:
    if kind == JSON:
        return orjson.dumps({"events": events})
    return b"\n".join(orjson.dumps(event) for event in events)


@pytest.mark.parametrize(("kind", "encoding"), FORMS)
def test_every_form_gives_the_same_answer(send: Any, kind: str, encoding: str | None) -> None:
    events = [raw_event(), raw_event(occurred_at="yesterday"), raw_event(), "no event"]
    body = written([*events, events[0]], kind)
    packed = encoding is not None and "gzip" in encoding.lower()
    answer = send(gzip.compress(body) if packed else body, kind, encoding)
    assert answer.status_code == 202
    assert (answer.json["accepted"], answer.json["duplicates"]) == (2, 1)
    assert [(r["index"], r["code"]) for r in answer.json["rejected"]] == [
        (1, "invalid"),
        (3, "type"),
    ]


def test_a_line_that_is_not_json_is_rejected_by_its_own(
    send: Any,
) -> None:
    lines = [orjson.dumps(raw_event()), b'{"event_id": "e', b"", b"\xff\xfe", b"  ", b"NaN"]
    answer = send(b"\r\n".join([*lines, orjson.dumps(raw_event())]), "application/x-ndjson")
    assert answer.status_code == 202
    assert answer.json["accepted"] == 2
    assert [(r["index"], r["code"], r["event_id"]) for r in answer.json["rejected"]] == [
        (1, "not_json", None),
        (2, "not_json", None),
        (3, "not_json", None),
    ]


def test_an_unreadable_line_reaches_the_service_byte_for_byte(
    send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def accept(_service: object, _tenant: str, raw: list[object]) -> Any:
        seen.extend(raw)
        raise AssertionError

    monkeypatch.setattr("cip.services.ingestion.IngestionService.accept", accept)
    send(b'{"a": 1}\n{"b\xff\n', "application/jsonl")
    assert seen == [{"a": 1}, UnreadableLine(b'{"b\xff')]


@pytest.mark.parametrize(
    "spoilt",
    [rb'"\ud83d"', b"1e400", b"9" * 400, b'"\xff"', b"[" * 1_100 + b"]" * 1_100, b"NaN", b'"a\nb"'],
)
def test_an_event_of_a_list_that_is_not_json_is_rejected_by_its_own(
    send: Any, platform: Platform, spoilt: bytes
) -> None:
    good = [orjson.dumps(raw_event()) for _ in range(2)]
    bad = orjson.dumps(raw_event(properties={"a": 0})).replace(b'{"a":0}', b'{"a":%b}' % spoilt)
    body = b'{"events": [%b]}' % b", ".join([good[0], bad, good[1]])
    for accepted in (2, 0):
        answer = send(body)
        assert (answer.status_code, answer.json["accepted"]) == (202, accepted), answer.text
        assert [(r["index"], r["code"]) for r in answer.json["rejected"]] == [(1, "not_json")]
    service, who = platform.services.dead_letters, platform.principal()
    (row,) = service.overview(who).rows
    (letter,) = service.page(who, row.reason)
    assert letter.payload == bad, "kept as it was sent, once"


def test_the_2001st_event_is_too_many_also_where_one_is_not_json(send: Any) -> None:
    for count, status in ((1_999, 202), (2_000, 413), (9_000, 413)):
        body = b'{"events": [NaN' + b",{}" * count + b"]}"
        assert send(body).status_code == status


def test_lines_need_no_last_newline_and_may_be_none(send: Any) -> None:
    line = orjson.dumps(raw_event())
    assert send(line, "application/x-ndjson").json["accepted"] == 1
    for nothing in (b"", b"\n\n"):
        answer = send(nothing, "application/x-ndjson")
        assert (answer.status_code, answer.json["accepted"], answer.json["rejected"]) == (
            202,
            0,
            [],
        )


def test_the_2001st_line_is_too_many(send: Any) -> None:
    assert send(b"{}\n" * 2_000, "application/x-ndjson").status_code == 202
    answer = send(b"{}\n" * 2_001, "application/x-ndjson")
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")


def test_a_packed_body_may_have_several_members(send: Any) -> None:
    lines = [orjson.dumps(raw_event()) + b"\n" for _ in range(3)]
    body = b"".join(gzip.compress(line) for line in lines)
    assert send(body, "application/x-ndjson", "gzip").json["accepted"] == 3


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends too early"),
        (b'{"events": []}', "is damaged, or none"),
        (gzip.compress(b'{"events": []}')[:-4], "ends too early"),
        (gzip.compress(b'{"events": []}')[:-8] + b"\0" * 8, "is damaged, or none"),
        (gzip.compress(b'{"events": []}') + b"more", "is damaged, or none"),
        (zlib.compress(b'{"events": []}'), "is damaged, or none"),
        (gzip.compress(b"") * 65, f"has more than {MAX_GZIP_MEMBERS} members"),
        (gzip.compress(b"") * 100_000, f"has more than {MAX_GZIP_MEMBERS} members"),
    ],
)
def test_a_bad_gzip_stream_is_refused_in_words(send: Any, body: bytes, why: str) -> None:
    answer = send(body, JSON, "gzip")
    error = answer.json["error"]
    assert (answer.status_code, error["code"]) == (422, "bad_gzip")
    assert error["message"] == f"The gzip stream {why}."


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "*", "none"])
def test_another_encoding_is_not_read(send: Any, encoding: str) -> None:
    answer = send(gzip.compress(b'{"events": []}'), JSON, encoding)
    assert (answer.status_code, answer.json["error"]["code"]) == (415, "unsupported")


@pytest.mark.parametrize("members", [1, 2])
def test_the_limit_is_that_of_what_is_unpacked(send: Any, members: int) -> None:
    def packed(size: int) -> bytes:
        text = b'{"events": []}'.ljust(size)
        half = size // members
        return b"".join(gzip.compress(text[at : at + half]) for at in range(0, size, half))

    assert send(packed(MAX_REQUEST_BYTES), JSON, "gzip").status_code == 202
    answer = send(packed(MAX_REQUEST_BYTES + members), JSON, "gzip")
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")


def test_a_bomb_is_refused_without_being_unpacked(send: Any) -> None:
    bomb = bytes(1024 * 1024)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(packer.compress(bomb) for _ in range(256)) + packer.flush()
    assert len(body) < MAX_REQUEST_BYTES / 8  # a quarter of a gigabyte in as many kilobytes
    tracemalloc.start()
    answer = send(body, JSON, "gzip")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")
    assert most < 8 * MAX_REQUEST_BYTES


def test_the_other_routes_read_packed_bodies_too(anonymous: Client, api_key: str) -> None:
    headers = {"X-API-Key": api_key, "Content-Encoding": "gzip"}
    body = gzip.compress(b'{"period": {"last": "nonsense"}}')
    answer = anonymous.post("/api/v1/insights/kpis", data=body, headers=headers)
    assert (answer.status_code, answer.json["error"]["field"]) == (422, "period.last")


@pytest.mark.parametrize("depth", [33, 300, 1_000])
@pytest.mark.parametrize("kind", [JSON, "application/x-ndjson"])
def test_a_deeply_nested_event_is_rejected_by_its_own(send: Any, depth: int, kind: str) -> None:
    nested = b"[" * depth + b"]" * depth
    bad = [
        orjson.dumps(raw_event(kind=kind_of, properties={name: 0}, event_id="deep"))
        for kind_of, name in (("page.viewed", "a"), ("customer.identified", "traits"))
    ]
    deep = [one.replace(b'":0}', b'":%b}' % nested) for one in bad]
    lines = [orjson.dumps(raw_event()), *deep]
    body = b'{"events": [%b]}' % b",".join(lines) if kind == JSON else b"\n".join(lines)
    answer = send(body, kind)
    assert answer.status_code == 202, answer.text
    assert answer.json["accepted"] == 1
    assert [
        (r["index"], r["event_id"], r["field"], r["code"]) for r in answer.json["rejected"]
    ] == [
        (1, "deep", "properties.a", "nested"),
        (2, "deep", "properties", "invalid"),
    ]


@pytest.mark.parametrize("kind", [JSON, "application/x-ndjson"])
def test_a_deeply_nested_event_is_kept_whole(send: Any, platform: Platform, kind: str) -> None:
    nested = b"[" * 500 + b"]" * 500
    deep = orjson.dumps(raw_event(properties={"a": 0})).replace(b":0}", b":%b}" % nested)
    assert send(b'{"events": [%b]}' % deep if kind == JSON else deep, kind).status_code == 202
    service, who = platform.services.dead_letters, platform.principal()
    (row,) = service.overview(who).rows
    (letter,) = service.page(who, row.reason)
    assert letter.payload == deep


def test_what_may_be_nested_is_taken(send: Any) -> None:
    traits: Any = 1
    for _ in range(31):
        traits = [traits]
    event = raw_event(kind="customer.identified", properties={"traits": traits})
    assert send(orjson.dumps({"events": [event]})).json["accepted"] == 1


def test_a_body_nested_too_deeply_for_json_is_refused(send: Any) -> None:
    answer = send(b'{"events": ' + b"[" * 100_000, JSON)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "not_json")
