"""A list of events of which some are no JSON is taken apart at its commas, or not at all."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cip.domain.events import MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from cip.domain.nested import written
from cip.services.ingestion import UnreadableLine
from cip.web.event_lists import events_apart

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
UNREADABLE = [
    rb'"\ud83d"',
    rb'{"a": "\\\"\ud83d]"}',
    b'{"a":1e400}',
    b'{"a":' + b"9" * 400 + b"}",
    b'{"a":"\xff"}',
    b"NaN",
    b'{"a":}',
    b'{"a" "b"}',
    b'{"a":"b" "c":"d"}',
    b"[" * 1_100 + b"]" * 1_100,
    rb'{"a":\}',
    b'{"a":"a\nb"}',
    b"{]",
]


@given(good=st.lists(values, max_size=6), bad=st.sampled_from(UNREADABLE), data=st.data())
def test_each_event_is_read_by_its_own(good: list[object], bad: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(good)))
    parts = [orjson.dumps(one) for one in good]
    space = data.draw(st.sampled_from([b"", b" ", b"\r\n\t"]))
    comma = space + b"," + space
    listed = comma.join([*parts[:place], bad, *parts[place:]])
    body = b'{"events":[' + listed + b"]}"
    for text in (body, space + body.replace(b'{"events":[', b'{ "events" : [ ', 1) + space):
        assert events_apart(text) == [*good[:place], UnreadableLine(bad), *good[place:]]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"events":[',
        b'{"events":[}}',
        b'{"events":[{}}',
        b'{"events":[{}]]}',
        b'{"events":[{},]}',
        b'{"events":[,{}]}',
        b'{"events":[1e400]}}',
        b'{"events":[1e400]} {}',
        b'{"events":[1e400],"x":1}',
        b'{"x":1,"events":[1e400]}',
        b'[{"events":[1e400]}]',
        b'{"events":[{"a":[1},{"b":2}]}',
        b'{"events":[{"a":1}},{"b":2}]}',
        b'{"events":[{"a:1},{"b":2}]}',
        b'{"events":[{"a:1},{"b":2},{"c:3},{"d":4}]}',
        b'{"events":[{"a":"x},{"b":2},{"c":"y},{"d":4}]}',
    ],
)
def test_where_events_cannot_be_told_apart_none_is_read(text: bytes) -> None:
    assert events_apart(text) is None


@pytest.mark.parametrize("fill", [b"[]", b'"",', b"{},", b",", b"[", b"\\\\"])
def test_the_largest_body_costs_little_whatever_it_is_made_of(fill: bytes) -> None:
    body = b'{"events":[1e400,' + fill * (MAX_REQUEST_BYTES // len(fill)) + b"1]}"
    tracemalloc.start()
    found = events_apart(body)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is None or len(found) <= MAX_EVENTS_PER_REQUEST + 1
    assert most < 24 * MAX_REQUEST_BYTES


@given(values)
def test_what_is_nested_deeply_is_written_like_all_else(value: object) -> None:
    assert written(value) == orjson.dumps(value)
    for _ in range(500):
        value = [value, {"a": value}] if value is None else [{"é": value}]
    assert orjson.loads(written(value)) == value
