"""Keyed random draws: which generator, and the few distributions numpy lacks in this form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cip.demo.laws import Delay, Mix
from cip.demo.spec import DemoSpec

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MICROS = 1_000_000


def generator(spec: DemoSpec, source: str, key: int) -> np.random.Generator:
    """The generator of one source (a letter) and key (a block of customers, or a day).

    Whatever is drawn for a key depends on nothing but the tenant, its seed and the key. So any
    span of time can be simulated again on its own, and comes out the same.
    """
    return np.random.default_rng(np.random.SeedSequence([*spec.entropy, ord(source), key]))


def pick(rng: np.random.Generator, weights: Sequence[float], size: int) -> Ints:
    """Indices drawn with probabilities proportional to `weights`."""
    edges = np.cumsum(weights) / np.sum(weights)
    found = np.searchsorted(edges[:-1], rng.random(size), side="right")
    return found.astype(np.int64)


def pick_of(rng: np.random.Generator, mix: Mix, size: int) -> NDArray[np.str_]:
    """Names drawn with the shares of `mix`."""
    names = np.array([name for name, _ in mix])
    drawn: NDArray[np.str_] = names[pick(rng, [share for _, share in mix], size)]
    return drawn


def delays(rng: np.random.Generator, law: Delay, size: int) -> Ints:
    """Microseconds, lognormal, cut at the longest."""
    seconds = law.median_seconds * np.exp(law.sigma * rng.standard_normal(size))
    return (np.minimum(seconds, law.longest_seconds) * MICROS).astype(np.int64)
