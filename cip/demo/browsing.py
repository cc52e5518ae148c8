"""Events of the browsing sessions and e-mails that start on one even day."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from cip.demo.draws import MICROS, Floats, Ints, delays, generator, pick
from cip.demo.frame import Ids, piece, texts
from cip.demo.laws import Delay
from cip.demo.life_events import PRODUCTS
from cip.demo.lives import People
from cip.demo.rhythm import Rhythm
from cip.demo.spec import DemoSpec

DAY: Final = 1 / 7
_LIVELY_BEFORE: Final = 2 * DAY
_STAYS_US: Final = 1_200 * MICROS
_AFTERGLOW_WEEKS: Final = 8.0
_AFTERGLOW_SHARE: Final = 0.12
_OPENED: Final = Delay(3 * 3_600.0, 1.2)
_CLICKED: Final = Delay(90.0, 1.0)
_PAGES: Final = ("/", "/pricing", "/search", "/blog", "/help", "/account", "/offers")
_FEATURES: Final = ("wishlist", "compare", "reviews", "size guide", "store finder")
_KINDS: Final = (
    [("page.viewed", {"page": page}, 9.0) for page in _PAGES]
    + [("page.viewed", {"page": f"/p/{name}"}, 1.5) for name in PRODUCTS]
    + [("feature.used", {"feature": name}, 2.4) for name in _FEATURES]
    + [("cart.added", {"product": name}, 0.25) for name in PRODUCTS]
    + [("search.performed", {"results": count}, 2.0) for count in (0, 3, 12, 40)]
)
_WEIGHTS: Final = [weight for _, _, weight in _KINDS]
_TYPES: Final = [kind for kind, _, _ in _KINDS]
_PROPERTIES: Final = [json.dumps(properties) for _, properties, _ in _KINDS]


@dataclass(frozen=True, slots=True)
class Group:
    """A class of customers by how often they buy, relative to the mean rate."""

    name: str
    below: float
    activity: float


GROUPS: Final = (
    Group("occasional", 0.5, 0.8),
    Group("regular", 1.5, 1.2),
    Group("frequent", np.inf, 2.0),
)
PROSPECT: Final = Group("prospect", 0.0, 0.6)


def group_index(people: People, mean_rate: float) -> Ints:
    """Index into `GROUPS` by purchase rate; `len(GROUPS)` for those who never buy."""
    edges = [group.below * mean_rate for group in GROUPS[:-1]]
    by_rate = np.searchsorted(edges, people.rate_per_week, side="right")
    return np.where(np.isfinite(people.first_purchase), by_rate, len(GROUPS)).astype(np.int64)


def presence(spec: DemoSpec, people: People, start: float, end: float) -> Floats:
    """Weeks of full activity of each customer between two even times."""
    activity = np.array([group.activity for group in (*GROUPS, PROSPECT)])
    here = np.clip(end - np.maximum(people.arrival, start), 0.0, end - start)
    over = start - people.engaged_until
    fading = np.where(over < _AFTERGLOW_WEEKS, _AFTERGLOW_SHARE, 0.0)
    level = np.where(over < 0, 1.0, fading)
    weeks: Floats = here * level * activity[group_index(people, spec.purchases.mean_rate_per_week)]
    return weeks


@dataclass(frozen=True, slots=True)
class _Sessions:
    """One row an event: whose it is, and when. Sorted by time."""

    customer: Ints
    at_us: Ints


class Browsing:
    """`seed_end` (even weeks) is where live browsing begins and details are no longer thinned."""

    def __init__(self, spec: DemoSpec, clock: Rhythm, ids: Ids, seed_end: float) -> None:
        self._spec = spec
        self._law = spec.browsing
        self._clock = clock
        self._ids = ids
        self._seed_end = seed_end

    def sessions(self, people: People, day: int) -> Iterator[pa.Table]:
        """Browsing that starts on even day `day` (a seventh of an even week)."""
        rng = generator(self._spec, "b", day)
        found = self._linger(self._visits(rng, people, day), people, day)
        number = np.arange(len(found.at_us), dtype=np.int64)
        kind = pick(rng, _WEIGHTS, len(number))
        yield piece(
            self._ids.events("b", day, number),
            self._ids.customers(found.customer),
            texts(_TYPES, kind),
            found.at_us,
            people.home[found.customer],
            texts(_PROPERTIES, kind),
        )

    def _visits(self, rng: np.random.Generator, people: People, day: int) -> _Sessions:
        start, end = day * DAY, (day + 1) * DAY
        expected = presence(self._spec, people, start, end) * self._law.sessions_per_week
        visitor = np.repeat(np.arange(len(expected)), rng.poisson(expected))
        begin = np.maximum(people.arrival[visitor], start)
        begins = self._clock.instants(begin + rng.random(len(visitor)) * (end - begin))
        length = 1 + rng.poisson(self._events_per_session(start) - 1, len(visitor))
        gaps = (rng.exponential(self._law.gap_seconds, int(length.sum())) * MICROS).astype(np.int64)
        first = np.cumsum(length) - length
        walked = np.cumsum(gaps)
        since = walked - np.repeat(walked[first], length)
        at_us = np.repeat(begins, length) + since
        order = np.argsort(at_us, kind="stable")
        return _Sessions(np.repeat(visitor, length)[order], at_us[order])

    def _events_per_session(self, start: float) -> float:
        law = self._law
        days_ahead = max(0.0, (self._seed_end - start) / DAY)
        detail = max(0.0, 1 - days_ahead / law.detail_days)
        return law.kept_events * math.exp(detail * math.log(law.detail_events / law.kept_events))

    def _linger(self, found: _Sessions, people: People, day: int) -> _Sessions:
        """Close to the seed's end and later, fills silences with events of the day's visitors.

        Only of visitors the day has anyway, a while each: so it adds no active customer.
        """
        start = day * DAY
        visitors = np.unique(found.customer)
        visitors = visitors[people.arrival[visitors] < start]
        if start < self._seed_end - _LIVELY_BEFORE or not len(visitors):
            return found
        day_start, day_end = self._clock.instants(np.array([start, start + DAY]))
        longest = int(self._law.longest_silence_seconds * MICROS)
        inside = found.at_us[found.at_us < day_end]
        edges = np.concatenate(([day_start], inside, [day_end]))
        fill = (np.diff(edges) - 1) // longest
        nth = np.arange(int(fill.sum())) - np.repeat(np.cumsum(fill) - fill, fill) + 1
        filled = np.repeat(edges[:-1], fill) + nth * longest
        turn = filled // _STAYS_US * 7_919 % len(visitors)
        at_us = np.concatenate((found.at_us, filled))
        order = np.argsort(at_us, kind="stable")
        customer = np.concatenate((found.customer, visitors[turn]))
        return _Sessions(customer[order], at_us[order])

    def emails(self, people: People, day: int) -> Iterator[pa.Table]:
        """E-mails sent on even day `day`, with the openings and clicks they lead to later."""
        rng = generator(self._spec, "e", day)
        law, start, end = self._law, day * DAY, (day + 1) * DAY
        known = (people.arrival < start) & (people.engaged_until > start - _AFTERGLOW_WEEKS)
        receiver = np.flatnonzero(known & (rng.random(len(known)) < law.emails_per_week * DAY))
        size = len(receiver)
        sent = self._clock.instants(start + rng.random(size) * (end - start))
        opened = sent + delays(rng, _OPENED, size)
        clicked = opened + delays(rng, _CLICKED, size)
        opens = rng.random(size) < law.email_opened
        clicks = opens & (rng.random(size) < law.email_clicked)
        campaign = json.dumps({"campaign": f"week {day // 7}"})
        number = np.arange(size, dtype=np.int64)
        for kind, at_us, happens in (
            ("email.sent", sent, np.ones(size, dtype=bool)),
            ("email.opened", opened, opens),
            ("email.clicked", clicked, clicks),
        ):
            yield piece(
                self._ids.events(f"e{kind[6]}", day, number[happens]),
                self._ids.customers(receiver[happens]),
                kind,
                at_us[happens],
                "email",
                campaign,
            )
