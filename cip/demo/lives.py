"""Customers' whole lives: latent values, purchases and stages, drawn block by block."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cip.demo.arrivals import Arrivals
from cip.demo.draws import MICROS, Floats, Ints, delays, generator, pick, pick_of
from cip.demo.laws import PURCHASE_STAGE, STAGES, StageLaw
from cip.demo.rhythm import Rhythm
from cip.demo.spec import DemoSpec

BLOCK: Final = 256
_MOST_PURCHASES: Final = 256
_MOST_STAGES: Final = 24
_DAY_US: Final = 86_400 * MICROS
_WEEK_DAYS: Final = 7.0
_NEVER: Final = np.inf


@dataclass(frozen=True, slots=True)
class People:
    """One row a customer; times in even weeks, infinite where a thing never happens."""

    arrival: Floats
    rate_per_week: Floats
    dropout_probability: Floats
    mean_spend_minor: Floats
    first_purchase: Floats
    dropout: Floats
    engaged_until: Floats
    identified_after_us: Ints
    home: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Purchases:
    """One row a purchase. `ordinal` 0 is the first; `refund_us` is -1 where there is none."""

    customer: Ints
    ordinal: Ints
    at_us: Ints
    amount_minor: Ints
    refund_us: Ints
    refund_minor: Ints
    channel: NDArray[np.str_]
    product: Ints


@dataclass(frozen=True, slots=True)
class Stages:
    """One row a stage entered; `stage` is an index into `STAGES`."""

    customer: Ints
    ordinal: Ints
    stage: Ints
    at_us: Ints


@dataclass(frozen=True, slots=True)
class Lives:
    people: People
    purchases: Purchases
    stages: Stages


@dataclass(frozen=True, slots=True)
class _Chain:
    """`entered` and `times` have one column a step; -1 and infinity once the chain has ended."""

    entered: Ints
    times: Floats
    last_seen: Floats


def draw_lives(spec: DemoSpec, clock: Rhythm, arrivals: Arrivals, block: int) -> Lives:
    """The lives of customers `block * BLOCK` and on, from arrival to the clock's end."""
    rng = generator(spec, "l", block)
    first = block * BLOCK
    arrival = arrivals.at(np.arange(first, first + BLOCK) + rng.random(BLOCK))
    chain = _walk(rng, spec.stages, arrival)
    bought = np.where(chain.entered == PURCHASE_STAGE, chain.times, _NEVER).min(axis=1)
    rate = rng.gamma(spec.purchases.r, 1 / spec.purchases.alpha, BLOCK)
    drop = np.clip(rng.beta(spec.purchases.a, spec.purchases.b, BLOCK), 1e-9, 1.0)
    times, dropout = _repeat(rng, rate, drop, bought)
    mean, amounts = _spend(rng, spec, times.shape)
    people = People(
        arrival=arrival,
        rate_per_week=rate,
        dropout_probability=drop,
        mean_spend_minor=mean,
        first_purchase=bought,
        dropout=dropout,
        engaged_until=np.where(np.isfinite(bought), dropout, chain.last_seen),
        identified_after_us=_identified(rng),
        home=pick_of(rng, spec.home_mix, BLOCK),
    )
    stages = _stages(first, chain, clock)
    return Lives(people, _purchases(rng, spec, clock, first, times, amounts), stages)


def join(parts: list[Lives]) -> Lives:
    return Lives(
        People(**_joined([part.people for part in parts])),
        Purchases(**_joined([part.purchases for part in parts])),
        Stages(**_joined([part.stages for part in parts])),
    )


def _joined(rows: list[People] | list[Purchases] | list[Stages]) -> dict[str, Any]:
    names = [field.name for field in fields(rows[0])]
    return {name: np.concatenate([getattr(row, name) for row in rows]) for name in names}


def _walk(rng: np.random.Generator, law: StageLaw, arrival: Floats) -> _Chain:
    reach = np.cumsum(law.moves, axis=1)
    entered = np.full((BLOCK, _MOST_STAGES), -1, dtype=np.int64)
    times = np.full((BLOCK, _MOST_STAGES), _NEVER)
    entered[:, 0] = pick(rng, law.start, BLOCK)
    times[:, 0] = arrival
    median_weeks = np.array(law.median_days) / _WEEK_DAYS
    last_seen = np.full(BLOCK, _NEVER)
    for step in range(1, _MOST_STAGES):
        here = entered[:, step - 1]
        chance = rng.random(BLOCK)
        wait = median_weeks[here] * np.exp(law.sigma * rng.standard_normal(BLOCK))
        onward = (chance[:, None] >= reach[here]).sum(axis=1)
        left = times[:, step - 1] + wait
        moves = (here >= 0) & (onward < len(STAGES))
        last_seen = np.where((here >= 0) & ~moves, left, last_seen)
        entered[:, step] = np.where(moves, onward, -1)
        times[:, step] = np.where(moves, left, _NEVER)
    return _Chain(entered, times, last_seen)


def _repeat(
    rng: np.random.Generator, rate: Floats, drop: Floats, bought: Floats
) -> tuple[Floats, Floats]:
    """Times of all purchases (infinite after the drop-out), and the drop-out."""
    gaps = rng.standard_exponential((BLOCK, _MOST_PURCHASES)) / np.maximum(rate, 1e-300)[:, None]
    repeats = rng.geometric(drop)
    since = np.concatenate((np.zeros((BLOCK, 1)), np.cumsum(gaps, axis=1)), axis=1)
    times = bought[:, None] + since
    last = np.minimum(repeats, _MOST_PURCHASES)
    dropout = np.take_along_axis(times, last[:, None], axis=1)[:, 0]
    gone = np.arange(_MOST_PURCHASES + 1)[None, :] > repeats[:, None]
    return np.where(gone, _NEVER, times), dropout


def _spend(
    rng: np.random.Generator, spec: DemoSpec, shape: tuple[int, ...]
) -> tuple[Floats, Floats]:
    law = spec.spend
    scale = rng.gamma(law.q, 1 / law.v_minor, shape[0])
    amounts = rng.gamma(law.p, 1.0, shape) / scale[:, None]
    return law.p / scale, amounts


def _identified(rng: np.random.Generator) -> Ints:
    """Microseconds from arrival to sign-up; -1 for those who only a purchase identifies."""
    after = (rng.exponential(900.0, BLOCK) * MICROS).astype(np.int64) + MICROS
    return np.where(rng.random(BLOCK) < 0.7, after, -1)


def _purchases(
    rng: np.random.Generator,
    spec: DemoSpec,
    clock: Rhythm,
    first: int,
    times: Floats,
    amounts: Floats,
) -> Purchases:
    channel = pick_of(rng, spec.purchase_mix, times.size).reshape(times.shape)
    product = rng.integers(0, 1 << 30, times.shape)
    refund_after = delays(rng, spec.refund_delay, times.size).reshape(times.shape)
    refunded = rng.random(times.shape) < spec.refunded
    in_full = rng.random(times.shape) < 0.7
    happens = times < clock.weeks
    owner, ordinal = np.nonzero(happens)
    at_us = _one_a_day(clock, owner, ordinal, clock.instants(times[happens]))
    minor = np.maximum(np.rint(amounts[happens]), 1).astype(np.int64)
    return Purchases(
        customer=first + owner,
        ordinal=ordinal,
        at_us=at_us,
        amount_minor=minor,
        refund_us=np.where(refunded[happens], at_us + refund_after[happens], -1),
        refund_minor=np.where(in_full[happens], minor, (minor + 1) // 2),
        channel=channel[happens],
        product=product[happens],
    )


def _one_a_day(clock: Rhythm, owner: Ints, ordinal: Ints, at_us: Ints) -> Ints:
    """Moves a purchase on the local day of the customer's last one to the next free day.

    So purchase days are as many as purchases, which is what the models count.
    """
    day = clock.local_days(at_us)
    # Rows are in order of owner, then time; a far step between owners keeps them apart.
    apart = owner * 10_000_000
    free = np.maximum.accumulate(day - ordinal + apart) + ordinal - apart
    return at_us + (free - day) * _DAY_US


def _stages(first: int, chain: _Chain, clock: Rhythm) -> Stages:
    happens = chain.times < clock.weeks
    owner, ordinal = np.nonzero(happens)
    stage = chain.entered[happens]
    # A customer enters the purchase stage by buying: a second after the first purchase.
    later = np.where(stage == PURCHASE_STAGE, MICROS, 0)
    at_us = clock.instants(chain.times[happens]) + later
    return Stages(customer=first + owner, ordinal=ordinal, stage=stage, at_us=at_us)
