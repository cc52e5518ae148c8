"""Whatever is posted to Dash's callbacks by somebody who is signed in, nothing breaks."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fuzz.drawing import holds, seeds, try_all
from tests.security.bodies import UPDATE, Callback, pressed
from tests.security.crossing import actions
from tests.security.worlds import World

EXAMPLES = 700
_FIELDS = ("output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds")
_NAMES = (
    "username", "name", "role", "label", "scopes", "tenant", "title", "timezone", "currency",
    "week_start", "retention_days", "confirm", "admin", "last", "from", "to", "handle", "reason",
)  # fmt: skip

_ODD: SearchStrategy[Any] = st.sampled_from([
    None, True, 0, -1, 2**63, 1e308, "", "\0", "x" * 100_000, "\ud7ff\u202e\u2028", "{}", "[]",
    "{acme}:*", "../../etc/passwd", "period=7d&channel=a", "from=0001-01-01&to=9999-12-31",
    "?" + "a=b&" * 5_000, "/segments", "/admin?tab=audit", "constructor", "__proto__",
    [[[[[[[[]]]]]]]], [0] * 10_000, {"a": {"b": {"c": {}}}}, {str(n): n for n in range(2_000)},
])  # fmt: skip
_PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False),
    st.text(max_size=30), st.sampled_from(["x", "adelheid", "acme", "outside", "viewer", "24h"]),
    _ODD,
)  # fmt: skip
ANYTHING: SearchStrategy[Any] = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def acts() -> SearchStrategy[Any]:
    """What a button of an administration page sends, or nearly."""
    known = st.sampled_from([*actions(), "save", "x"])
    return st.fixed_dictionaries(
        {"action": known | ANYTHING, "target": _PLAIN, "nonce": st.integers(0, 9) | ANYTHING},
        optional={"values": st.dictionaries(st.sampled_from(_NAMES), _PLAIN, max_size=5) | _PLAIN},
    )


@st.composite
def bodies(draw: st.DrawFn, callbacks: list[Callback]) -> dict[str, Any]:
    """A body as a page makes it, its values drawn, and then up to three things wrong with it."""
    callback = draw(st.sampled_from(callbacks))
    usual = pressed("1.1", draw(st.sampled_from(["/", "/segments", "/admin", "/nowhere"])))

    def value(component: str, prop: str) -> Any:
        kind = draw(st.integers(0, 3))
        if component.endswith("-act") and kind:
            return draw(acts())
        return usual(component, prop) if kind == 0 else draw(ANYTHING)

    body = copy.deepcopy(callback.body(value))
    for _ in range(draw(st.integers(0, 3))):
        _spoil(draw, body, callbacks)
    return body


def _spoil(draw: st.DrawFn, body: dict[str, Any], callbacks: list[Callback]) -> None:
    field = draw(st.sampled_from(_FIELDS))
    how = draw(st.sampled_from(["drop", "replace", "add", "forge", "shorten", "repeat", "other"]))
    there = body.get(field)
    if how == "drop":
        body.pop(field, None)
    elif how == "replace":
        body[field] = draw(ANYTHING)
    elif how == "add":
        body[draw(st.text(max_size=8) | st.sampled_from(["tenant", "role", "user"]))] = draw(_PLAIN)
    elif how == "other":
        body["output"] = draw(st.sampled_from(callbacks)).key
    elif isinstance(there, list) and there:
        place = draw(st.integers(0, len(there) - 1))
        if how == "shorten":
            del there[place]
        elif how == "repeat":
            there.append(copy.deepcopy(there[place]))
        elif isinstance(there[place], dict):
            part = draw(st.sampled_from(["id", "property", "value", "extra"]))
            there[place][part] = draw(ANYTHING)


class Caller:
    """Somebody signed in, again where what was sent has ended their session or their account."""

    def __init__(self, world: World, who: str) -> None:
        self._world = world
        self._who = who
        self._client = world.caller(who)

    def post(self, **options: Any) -> Any:
        answer = self._client.post(UPDATE, **options)
        if answer.status_code == 401:
            self._world.platform.client.flushall()
            self._world.populate()
            self._client = self._world.caller(self._who)
        return answer


@pytest.mark.parametrize("who", ["admin", "super admin"])
def test_no_body_breaks_a_callback(world: World, who: str) -> None:
    caller, statuses, reached = Caller(world, who), Counter[int](), set[str]()

    def check(body: dict[str, Any]) -> None:
        answer = caller.post(json=body)
        statuses[answer.status_code] += 1
        if answer.status_code < 400:
            reached.add(body["output"])
        holds(answer, body)

    for seed in seeds():
        try_all(bodies(world.callbacks), check, count=EXAMPLES, seed=seed)
    assert set(statuses) <= {200, 204, 400, 401, 403, 404, 409, 413, 422, 429}, statuses
    assert len(reached) > len(world.callbacks) / 2, "most of what is drawn gets through the guard"
    print(who, dict(statuses), len(reached))  # noqa: T201 -- for those who run it for long


def test_no_bytes_break_a_callback(world: World) -> None:
    caller = Caller(world, "admin")
    good = orjson.dumps(world.callbacks[0].body(pressed("1.1")))
    kinds = st.sampled_from(["application/json", "text/plain", "multipart/form-data", "", "\xff"])
    texts = st.one_of(
        st.binary(max_size=60),
        st.integers(0, len(good)).map(lambda at: good[:at]),
        st.integers(0, len(good) - 1).map(lambda at: good[:at] + b"\xff" + good[at + 1 :]),
        st.sampled_from([b"[" * 100_000, b"1e999", b"null", b"\xef\xbb\xbf{}", b'"\\ud800"']),
    )

    def check(drawn: tuple[bytes, str]) -> None:
        data, kind = drawn
        answer = caller.post(data=data, content_type=kind)
        holds(answer, drawn)
        assert answer.status_code in (200, 204, 400, 403, 413, 415, 422), drawn

    for seed in seeds():
        try_all(st.tuples(texts, kinds), check, count=150, seed=seed)
