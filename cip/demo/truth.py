"""The planted truth of a simulated tenant, for checking what models find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cip.demo.browsing import GROUPS, PROSPECT, group_index
from cip.demo.draws import Floats, Ints
from cip.demo.spec import DemoSpec
from cip.demo.world import World
from cip.domain.events import microseconds


@dataclass(frozen=True, slots=True)
class Truth:
    """The laws (in `spec`) and, one row a customer that arrived before `as_of`, the latent values.

    `first_purchase_us` is -1 for whoever has not bought by `as_of`. `alive`: has bought and has
    not dropped out by `as_of`. `group` is `prospect` for customers who never buy, however long
    one waits; else it tells how their purchase rate compares with the mean of the law.
    """

    spec: DemoSpec
    as_of: datetime
    customer_ids: tuple[str, ...]
    arrived_us: Ints
    first_purchase_us: Ints
    rate_per_week: Floats
    dropout_probability: Floats
    mean_spend_minor: Floats
    alive: NDArray[np.bool_]
    group: tuple[str, ...]


def truth(world: World, as_of: datetime | None = None) -> Truth:
    """The truth at `as_of`, by default at the seed's end."""
    at = world.seed_end if as_of is None else as_of
    even = world.clock.even(microseconds(at))
    people = world.lives_before(even).people
    here = np.flatnonzero(people.arrival < even)
    names = [*(group.name for group in GROUPS), PROSPECT.name]
    groups = group_index(people, world.spec.purchases.mean_rate_per_week)
    bought = people.first_purchase < even
    instants = world.clock.instants(np.minimum(people.first_purchase, even))
    return Truth(
        spec=world.spec,
        as_of=at,
        customer_ids=tuple(world.ids.customers(here).to_pylist()),
        arrived_us=world.clock.instants(people.arrival[here]),
        first_purchase_us=np.where(bought, instants, -1)[here],
        rate_per_week=people.rate_per_week[here],
        dropout_probability=people.dropout_probability[here],
        mean_spend_minor=people.mean_spend_minor[here],
        alive=(bought & (people.dropout > even))[here],
        group=tuple(names[index] for index in groups[here]),
    )
