"""Events of the conversations that start on one even day, with all that follows of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cip.demo.browsing import DAY, presence
from cip.demo.draws import MICROS, Ints, delays, generator, pick
from cip.demo.frame import Ids, piece
from cip.demo.laws import ConversationLaw
from cip.demo.lives import People
from cip.demo.rhythm import Rhythm
from cip.demo.spec import DemoSpec
from cip.domain import events

# Whatever a conversation still had to say after this long is left unsaid: a restart looks back
# no further.
LONGEST_US: Final = 26 * 86_400 * MICROS
_MOST_TURNS: Final = 5
_TOPICS: Final = (
    ("delivery", "Where is my order? It should have been here by now.", "It is on its way."),
    ("delivery", "My parcel arrived damaged, I am quite unhappy.", "Sorry! We send a new one."),
    ("refund", "How do I return this? It does not fit.", "Here is your return label."),
    ("payment", "My card was charged twice, please help.", "We have cancelled one charge."),
    ("account", "I cannot sign in any more.", "We have sent you a link."),
    ("product", "Great product! Does it come in green?", "Yes, from next month on."),
    ("product", "Which size do you recommend?", "The medium one."),
    ("feedback", "Thank you, that was wonderful service.", "You are welcome!"),
)
_FOLLOW_UPS: Final = (
    "Thanks, that helps a lot.",
    "I still do not understand.",
    "That is terrible, I have waited long enough.",
    "Perfect, thank you!",
)
_REPLIES: Final = ("Let me look.", "I have found it.", "Done. Anything else?", "One moment please.")


_Text = Callable[[int], str]
_Properties = Callable[[int], dict[str, object]]


class Conversations:
    def __init__(self, spec: DemoSpec, clock: Rhythm, ids: Ids) -> None:
        self._spec = spec
        self._clock = clock
        self._ids = ids

    def starting(self, people: People, day: int) -> Iterator[pa.Table]:
        rng = generator(self._spec, "c", day)
        start, end = day * DAY, (day + 1) * DAY
        expected = presence(self._spec, people, start, end) * self._spec.conversations.per_week
        customer = np.repeat(np.arange(len(expected)), rng.poisson(expected))
        begin = np.maximum(people.arrival[customer], start)
        at_us = self._clock.instants(begin + rng.random(len(customer)) * (end - begin))
        yield from _Day(self._spec, self._ids, rng, day, customer, at_us).pieces()


class _Day:
    """The conversations of one day: one array element each, one column of events at a time."""

    def __init__(
        self,
        spec: DemoSpec,
        ids: Ids,
        rng: np.random.Generator,
        day: int,
        customer: Ints,
        started: Ints,
    ) -> None:
        law = spec.conversations
        self._prefix = spec.customer_prefix
        self._law: ConversationLaw = law
        self._ids = ids
        self._rng = rng
        self._day = day
        self._customer = customer
        self._started = started
        self._size = len(customer)
        self._channel = pick(rng, [share for _, share in law.channels], self._size)
        self._agent = pick(rng, [1 / (3 + rank) for rank in range(law.agents)], self._size)
        self._topic = rng.integers(0, len(_TOPICS), self._size)
        self._said = 0

    def pieces(self) -> Iterator[pa.Table]:
        law, every = self._law, np.ones(self._size, dtype=bool)
        yield self._said_at(events.CONVERSATION_STARTED, self._started, every, self._topic_named)
        asked = self._started + MICROS
        yield self._message("customer", asked, every, self._question)
        by_bot = self._chance(law.bot)
        yield self._message("bot", asked + self._between(2, 6), by_bot, lambda _: "A moment, …")
        response, quick = self._first_response()
        answered = self._chance(law.answered)
        spoke = asked + response
        yield self._message("agent", spoke, answered, self._answer)
        talking = answered
        for _ in range(_MOST_TURNS):
            talking = talking & self._chance(law.another_turn)
            followed = spoke + self._delay("follow_up")
            yield self._message("customer", followed, talking, self._follow_up)
            replied = followed + self._delay("reply")
            yield self._message("agent", replied, talking, self._reply)
            spoke = np.where(talking, replied, spoke)
        yield from self._ending(spoke, answered, quick)

    def _ending(
        self, spoke: Ints, answered: NDArray[np.bool_], quick: NDArray[np.bool_]
    ) -> Iterator[pa.Table]:
        law = self._law
        resolves = answered & self._chance(law.resolved)
        resolved = spoke + self._delay("resolution")
        yield self._said_at(events.CONVERSATION_RESOLVED, resolved, resolves, self._bare)
        again = resolves & self._chance(law.reopened)
        reopened = resolved + self._delay("reopening")
        yield self._said_at(events.CONVERSATION_REOPENED, reopened, again, self._bare)
        yield self._message("customer", reopened + MICROS, again, self._follow_up)
        replied = reopened + MICROS + self._delay("reply")
        yield self._message("agent", replied, again, self._reply)
        closed = replied + self._delay("resolution")
        yield self._said_at(events.CONVERSATION_RESOLVED, closed, again, self._bare)
        rated = np.where(again, closed, resolved) + self._delay("rating_delay")
        stars = np.where(quick, self._stars(law.rating_quick), self._stars(law.rating_slow))
        rates = resolves & self._chance(law.rated)
        yield self._said_at(
            events.CONVERSATION_RATED, rated, rates, lambda row: {"rating": int(stars[row])}
        )

    def _first_response(self) -> tuple[Ints, NDArray[np.bool_]]:
        """Spans from the first customer message, and whether each beats its channel's median."""
        laws = dict(self._law.first_response)
        span = np.zeros(self._size, dtype=np.int64)
        quick = np.zeros(self._size, dtype=bool)
        for index, (name, _) in enumerate(self._law.channels):
            drawn = delays(self._rng, laws[name], self._size)
            span = np.where(self._channel == index, drawn, span)
            below = drawn < laws[name].median_seconds * MICROS
            quick = np.where(self._channel == index, below, quick)
        return span, quick

    def _chance(self, probability: float) -> NDArray[np.bool_]:
        chosen: NDArray[np.bool_] = self._rng.random(self._size) < probability
        return chosen

    def _between(self, low: int, high: int) -> Ints:
        return self._rng.integers(low * MICROS, high * MICROS, self._size)

    def _delay(self, name: str) -> Ints:
        return delays(self._rng, getattr(self._law, name), self._size)

    def _stars(self, weights: tuple[float, ...]) -> Ints:
        return pick(self._rng, weights, self._size) + 1

    def _message(
        self, sender: str, at_us: Ints, happens: NDArray[np.bool_], text: _Text
    ) -> pa.Table:
        def properties(row: int) -> dict[str, object]:
            said: dict[str, object] = {"sender": sender, "text": text(row)}
            return said | ({"agent_id": self._agent_id(row)} if sender == "agent" else {})

        return self._said_at(events.MESSAGE, at_us, happens, properties)

    def _said_at(
        self, kind: str, at_us: Ints, happens: NDArray[np.bool_], properties: _Properties
    ) -> pa.Table:
        rows = np.flatnonzero(happens & (at_us - self._started < LONGEST_US))
        self._said += 1
        names = [name for name, _ in self._law.channels]
        return piece(
            self._ids.events(f"c{self._said}", self._day, rows),
            self._ids.customers(self._customer[rows]),
            kind,
            at_us[rows],
            [names[index] for index in self._channel[rows]],
            [json.dumps(self._bare(int(row)) | properties(int(row))) for row in rows],
        )

    def _bare(self, row: int) -> dict[str, object]:
        return {"conversation_id": f"{self._prefix}-c-{self._day}-{row}"}

    def _agent_id(self, row: int) -> str:
        return f"{self._prefix}-agent-{int(self._agent[row]) + 1:02d}"

    def _topic_named(self, row: int) -> dict[str, object]:
        return {"topic": _TOPICS[self._topic[row]][0]}

    def _question(self, row: int) -> str:
        return _TOPICS[self._topic[row]][1]

    def _answer(self, row: int) -> str:
        return _TOPICS[self._topic[row]][2]

    def _follow_up(self, row: int) -> str:
        return _FOLLOW_UPS[(row + self._said) % len(_FOLLOW_UPS)]

    def _reply(self, row: int) -> str:
        return _REPLIES[(row + self._said) % len(_REPLIES)]
