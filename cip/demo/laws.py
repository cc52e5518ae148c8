"""The planted laws: frozen parameters with their units, and the closed forms they imply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STAGES: Final = (
    "awareness",
    "interest",
    "consideration",
    "evaluation",
    "purchase",
    "onboarding",
    "adoption",
    "advocacy",
)
PURCHASE_STAGE: Final = STAGES.index("purchase")
Mix = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class PurchaseLaw:
    """BG/NBD (Fader, Hardie & Lee 2005), unit: weeks.

    Repeat purchases come at rate lambda ~ Gamma(shape `r`, rate `alpha`); after each repeat the
    customer drops out with probability p ~ Beta(`a`, `b`). The first purchase is time zero.
    """

    r: float
    alpha: float
    a: float
    b: float

    @property
    def mean_rate_per_week(self) -> float:
        return self.r / self.alpha


@dataclass(frozen=True, slots=True)
class SpendLaw:
    """Gamma-Gamma (Fader & Hardie 2013): spend ~ Gamma(`p`, rate nu), nu ~ Gamma(`q`, rate
    `v_minor`), in minor units. Independent of the purchase law."""

    p: float
    q: float
    v_minor: float

    @property
    def mean_minor(self) -> float:
        """E[spend] = p v / (q - 1)."""
        return self.p * self.v_minor / (self.q - 1)


@dataclass(frozen=True, slots=True)
class Delay:
    """A lognormal span: `median_seconds`, and the standard deviation of its logarithm.

    Draws are cut at `longest_seconds`, so that whoever continues the model knows how far back
    it must look for what is still to come.
    """

    median_seconds: float
    sigma: float
    longest_seconds: float = 4 * 86_400.0


@dataclass(frozen=True, slots=True)
class StageLaw:
    """A semi-Markov chain over `STAGES`. `moves[i][j]` is the probability that the next stage
    after i is j; what a row lacks to one never leaves i. The wait in i is lognormal with
    `median_days[i]` and `sigma`, whatever comes next."""

    start: tuple[float, ...]
    moves: tuple[tuple[float, ...], ...]
    median_days: tuple[float, ...]
    sigma: float


@dataclass(frozen=True, slots=True)
class ConversationLaw:
    """Rates are per customer and week; probabilities are per conversation unless they say else.

    `first_response` counts from the first customer message, by channel. Ratings 1 to 5 come
    with `rating_quick` where the first response beat its channel's median, else `rating_slow`.
    """

    per_week: float
    channels: Mix
    first_response: tuple[tuple[str, Delay], ...]
    follow_up: Delay
    reply: Delay
    resolution: Delay
    reopening: Delay
    rating_delay: Delay
    bot: float
    answered: float
    another_turn: float
    resolved: float
    reopened: float
    rated: float
    rating_quick: tuple[float, float, float, float, float]
    rating_slow: tuple[float, float, float, float, float]
    agents: int


@dataclass(frozen=True, slots=True)
class BrowsingLaw:
    """Sessions of an engaged customer, and how many events of each are kept.

    Older browsing is thinned, as many companies do: a session holds `kept_events` on average,
    rising over the last `detail_days` before the seed's end to `detail_events`, which live
    browsing keeps. The first event of a session is always kept, so thinning changes no active
    customer and no session. Live (and two days before), no more than `longest_silence_seconds`
    pass without an event: the day's visitors linger.
    """

    sessions_per_week: float
    kept_events: float
    detail_events: float
    detail_days: float
    gap_seconds: float
    longest_silence_seconds: float
    emails_per_week: float
    email_opened: float
    email_clicked: float


@dataclass(frozen=True, slots=True)
class RhythmLaw:
    """Relative weights of the 24 local hours and of the 7 local weekdays from Monday."""

    hours: tuple[float, ...]
    weekdays: tuple[float, ...]
