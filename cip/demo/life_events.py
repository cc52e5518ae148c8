"""Events of the customers' lives: stages, sign-up, purchases with their lead-up, refunds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from cip.demo.draws import MICROS, Ints
from cip.demo.frame import Ids, piece, texts
from cip.demo.laws import STAGES
from cip.demo.lives import Lives
from cip.demo.names import fake_email, fake_name
from cip.demo.rhythm import Rhythm
from cip.demo.spec import DemoSpec
from cip.domain import events

PRODUCTS: Final = (
    *("Lamp", "Kettle", "Desk chair", "Notebook", "Backpack", "Headphones", "Water bottle"),
    *("Travel mug", "Monitor stand", "Keyboard", "Wall clock", "Blanket", "Bookshelf", "Scarf"),
)
_PLANS: Final = ("free", "plus", "pro")
# How long before a purchase its visitor saw the product, filled the cart, went to the checkout.
_LEAD_UP: Final = (("page.viewed", 260), ("cart.added", 150), ("checkout.started", 60))
_BROWSED: Final = ("web", "mobile")
_SPREAD: Final = 0x9E3779B97F4A7C15


class LifeEvents:
    """Pieces of the event stream between two instants, from lives that are already drawn."""

    def __init__(self, spec: DemoSpec, clock: Rhythm, ids: Ids) -> None:
        self._spec = spec
        self._clock = clock
        self._ids = ids

    def between(self, lives: Lives, start_us: int, end_us: int) -> Iterator[pa.Table]:
        yield self._stages(lives, start_us, end_us)
        yield self._sign_ups(lives, start_us, end_us)
        yield from self._purchases(lives, start_us, end_us)
        yield self._refunds(lives, start_us, end_us)

    def _stages(self, lives: Lives, start_us: int, end_us: int) -> pa.Table:
        rows = lives.stages
        at = np.flatnonzero((rows.at_us >= start_us) & (rows.at_us < end_us))
        customer, stage = rows.customer[at], rows.stage[at]
        return piece(
            self._ids.events("s", customer, rows.ordinal[at]),
            self._ids.customers(customer),
            events.STAGE,
            rows.at_us[at],
            lives.people.home[customer],
            texts([json.dumps({"stage": name}) for name in STAGES], stage),
        )

    def _sign_ups(self, lives: Lives, start_us: int, end_us: int) -> pa.Table:
        people = lives.people
        after = people.identified_after_us
        arrival_us = self._clock.instants(np.minimum(people.arrival, self._clock.weeks))
        bought = np.minimum(people.first_purchase, self._clock.weeks)
        by_purchase = np.where(
            np.isfinite(people.first_purchase), self._clock.instants(bought) - MICROS, -1
        )
        at_us = np.where(after >= 0, arrival_us + after, by_purchase)
        at = np.flatnonzero((at_us >= start_us) & (at_us < end_us))
        return piece(
            self._ids.events("i", at, np.zeros_like(at)),
            self._ids.customers(at),
            events.IDENTIFIED,
            at_us[at],
            people.home[at],
            [self._identity(int(customer)) for customer in at],
        )

    def _identity(self, customer: int) -> str:
        bits = ((customer + 1) * _SPREAD + self._spec.seed * 0xD1342543DE82EF95) & (2**64 - 1)
        name = fake_name(bits >> 8)
        countries = self._spec.countries
        traits = {
            "country": countries[bits % len(countries)],
            "plan": _PLANS[(bits >> 20) % len(_PLANS)],
            "newsletter": bool(bits >> 5 & 1),
        }
        return json.dumps({"name": name, "email": fake_email(name, customer), "traits": traits})

    def _purchases(self, lives: Lives, start_us: int, end_us: int) -> Iterator[pa.Table]:
        rows = lives.purchases
        longest = _LEAD_UP[0][1] * MICROS
        near = (rows.at_us >= start_us) & (rows.at_us < end_us + longest)
        at = np.flatnonzero(near)
        customer, ordinal = rows.customer[at], rows.ordinal[at]
        amount, product, channel = rows.amount_minor[at], rows.product[at], rows.channel[at]
        yield piece(
            self._ids.events("p", customer, ordinal),
            self._ids.customers(customer),
            events.PURCHASE,
            rows.at_us[at],
            channel,
            [self._receipt(*row) for row in zip(customer, ordinal, amount, product, strict=True)],
            amount,
        )
        browsed = np.isin(channel, _BROWSED)
        yield from self._lead_up(lives, at[browsed])

    def _receipt(self, customer: int, ordinal: int, amount: int, product: int) -> str:
        return json.dumps(
            {
                "purchase_id": self._purchase_id(customer, ordinal),
                "amount_minor": int(amount),
                "currency": self._spec.currency,
                "items": [{"product": PRODUCTS[product % len(PRODUCTS)], "quantity": 1}],
            }
        )

    def _purchase_id(self, customer: int, ordinal: int) -> str:
        return f"{self._spec.customer_prefix}-p-{customer:06d}-{ordinal}"

    def _lead_up(self, lives: Lives, at: Ints) -> Iterator[pa.Table]:
        rows = lives.purchases
        customer, product = rows.customer[at], rows.product[at] % len(PRODUCTS)
        arrival_us = self._clock.instants(lives.people.arrival[customer])
        for number, (kind, seconds) in enumerate(_LEAD_UP):
            yield piece(
                self._ids.events(f"u{number}", customer, rows.ordinal[at]),
                self._ids.customers(customer),
                kind,
                np.maximum(rows.at_us[at] - seconds * MICROS, arrival_us + number + 1),
                rows.channel[at],
                texts([json.dumps({"product": name}) for name in PRODUCTS], product),
            )

    def _refunds(self, lives: Lives, start_us: int, end_us: int) -> pa.Table:
        rows = lives.purchases
        at = np.flatnonzero((rows.refund_us >= start_us) & (rows.refund_us < end_us))
        customer, amount = rows.customer[at], rows.refund_minor[at]
        receipts = [
            json.dumps(
                {"purchase_id": self._purchase_id(who, nth), "amount_minor": int(minor)}
                | {"currency": self._spec.currency}
            )
            for who, nth, minor in zip(customer, rows.ordinal[at], amount, strict=True)
        ]
        return piece(
            self._ids.events("r", customer, rows.ordinal[at]),
            self._ids.customers(customer),
            events.REFUND,
            rows.refund_us[at],
            rows.channel[at],
            receipts,
            amount,
        )
