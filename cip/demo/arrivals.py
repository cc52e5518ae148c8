"""When customers arrive: the k-th customer's arrival, and how many have come by a given time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cip.demo.draws import Floats


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Arrivals between even times `start` and `end` (weeks) add up to exactly `customers`.

    Their rate rises linearly by the factor `growth` and is level after `end`. Customer k arrives
    when the expected count passes k plus a uniform draw.
    """

    start: float
    end: float
    customers: int
    growth: float

    def at(self, ranks: Floats) -> Floats:
        """Even times at which the expected count reaches `ranks`."""
        share = ranks / self.customers
        slope = self.growth - 1
        mean = 1 + slope / 2
        # share * mean = u + slope u^2 / 2, for u from 0 to 1 over the seeded span
        inside = np.minimum(share, 1.0) * mean
        u = inside if slope == 0 else (np.sqrt(1 + 2 * slope * inside) - 1) / slope
        beyond = np.maximum(share - 1.0, 0.0) * mean / self.growth
        times: Floats = self.start + (u + beyond) * (self.end - self.start)
        return times

    def count_before(self, even: float) -> int:
        """An upper bound, at most one too high, of the customers that arrived before `even`."""
        u = (even - self.start) / (self.end - self.start)
        slope = self.growth - 1
        mean = 1 + slope / 2
        inside = min(max(u, 0.0), 1.0)
        share = (inside + slope * inside**2 / 2) / mean + max(u - 1, 0.0) * self.growth / mean
        return int(np.ceil(share * self.customers))
