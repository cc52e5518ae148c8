"""What the simulator plants comes out of its events: closed forms, a fit, and test statistics.

The seed and the seed's end are fixed, so each of these figures is the same on every run.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import betaln, gammaln, hyp2f1

from cip.demo.laws import STAGES
from cip.demo.spec import DEMO_TENANT
from cip.demo.truth import Truth, truth
from cip.demo.world import World
from cip.domain.events import instant

END = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
WEEK_US = 7 * 86_400 * 1_000_000
Floats = NDArray[np.float64]
LAW = DEMO_TENANT.purchases


@pytest.fixture(scope="module")
def world() -> World:
    return World(DEMO_TENANT, END)


@pytest.fixture(scope="module")
def events(world: World) -> pa.Table:
    return world.seed_events()


@pytest.fixture(scope="module")
def planted(world: World) -> Truth:
    return truth(world)


def of_type(events: pa.Table, *kinds: str) -> pa.Table:
    return events.filter(pc.is_in(events["type"], pa.array(kinds)))


@dataclass(frozen=True)
class Buyers:
    """Repeat purchase days, last one, and age since the first purchase, in weeks."""

    x: Floats
    t_x: Floats
    age: Floats


@pytest.fixture(scope="module")
def buyers(events: pa.Table) -> Buyers:
    end_us = int(END.timestamp()) * 1_000_000
    zone = ZoneInfo(DEMO_TENANT.timezone)
    times: dict[str, list[int]] = defaultdict(list)
    bought = of_type(events, "purchase.completed")
    for customer, at_us in zip(
        bought["customer_id"].to_pylist(), bought["at_us"].to_pylist(), strict=True
    ):
        times[customer].append(at_us)
    rows = []
    for own in times.values():
        days = {instant(at_us).astimezone(zone).date() for at_us in own}
        rows.append((len(days) - 1, (own[-1] - own[0]) / WEEK_US, (end_us - own[0]) / WEEK_US))
    x, t_x, age = np.array(rows, dtype=np.float64).T
    return Buyers(x, t_x, age)


def negative_log_likelihood(log_parameters: Floats, rows: Buyers) -> float:
    """Fader, Hardie & Lee (2005), equation 6."""
    r, alpha, a, b = np.exp(log_parameters)
    x, t_x, age = rows.x, rows.t_x, rows.age
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return -float(np.sum(common + np.where(x > 0, np.logaddexp(alive, gone), alive)))


def hessian(rows: Buyers, at: Floats, step: float = 1e-3) -> Floats:
    size = len(at)
    found = np.empty((size, size))
    eye = np.eye(size) * step
    for i in range(size):
        for j in range(size):
            corners = (
                negative_log_likelihood(at + sign_i * eye[i] + sign_j * eye[j], rows)
                * sign_i
                * sign_j
                for sign_i in (1, -1)
                for sign_j in (1, -1)
            )
            found[i, j] = sum(corners) / (4 * step**2)
    return found


def test_purchase_days_are_as_many_as_purchases(events: pa.Table, buyers: Buyers) -> None:
    assert len(of_type(events, "purchase.completed")) == buyers.x.sum() + len(buyers.x)


def test_a_maximum_likelihood_fit_finds_the_planted_bg_nbd(buyers: Buyers) -> None:
    planted = np.log([LAW.r, LAW.alpha, LAW.a, LAW.b])
    fit = optimize.minimize(negative_log_likelihood, np.zeros(4), args=(buyers,), method="L-BFGS-B")
    assert fit.success
    errors = np.sqrt(np.diag(np.linalg.inv(hessian(buyers, fit.x))))
    assert errors.max() < 0.6  # an interval that excludes nothing would prove nothing
    assert (np.abs(fit.x - planted) < 2.576 * errors).all()


def test_mean_repeat_purchases_are_the_closed_form(buyers: Buyers) -> None:
    """Equation 9 of the same paper, at each buyer's own age."""
    r, alpha, a, b = LAW.r, LAW.alpha, LAW.a, LAW.b
    age = buyers.age
    curve = hyp2f1(r, b, a + b - 1, age / (alpha + age))
    expected = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + age)) ** r * curve)
    error = np.std(buyers.x - expected) / np.sqrt(len(age))
    assert abs(np.mean(buyers.x - expected)) < 3 * error
    assert error < 0.05 * expected.mean()


def test_the_share_of_one_time_buyers_is_the_closed_form(buyers: Buyers) -> None:
    none = (LAW.alpha / (LAW.alpha + buyers.age)) ** LAW.r
    error = np.sqrt(np.sum(none * (1 - none)))
    assert abs(np.sum(buyers.x == 0) - none.sum()) < 3 * error


def test_mean_spend_is_the_gamma_gamma_mean(events: pa.Table) -> None:
    bought = of_type(events, "purchase.completed")
    spend: dict[str, list[int]] = defaultdict(list)
    for customer, amount in zip(
        bought["customer_id"].to_pylist(), bought["amount_minor"].to_pylist(), strict=True
    ):
        spend[customer].append(amount)
    means = np.array([np.mean(own) for own in spend.values()])
    law = DEMO_TENANT.spend
    assert law.mean_minor == pytest.approx(6.25 * 2_800 / 2.74)
    error = np.std(means) / np.sqrt(len(means))
    assert abs(means.mean() - law.mean_minor) < 3 * error
    counts = np.array([len(own) for own in spend.values()])
    repeat = counts > 1
    assert abs(stats.spearmanr(counts[repeat], means[repeat]).statistic) < 0.1


def test_latent_values_follow_their_laws(planted: Truth) -> None:
    by_rate = stats.kstest(planted.rate_per_week, stats.gamma(LAW.r, scale=1 / LAW.alpha).cdf)
    by_drop = stats.kstest(planted.dropout_probability, stats.beta(LAW.a, LAW.b).cdf)
    assert by_rate.pvalue > 0.001
    assert by_drop.pvalue > 0.001
    assert len(planted.customer_ids) == DEMO_TENANT.customers


def test_the_truth_agrees_with_the_events(events: pa.Table, planted: Truth) -> None:
    bought = of_type(events, "purchase.completed")
    first: dict[str, int] = {}
    for customer, at_us in zip(
        bought["customer_id"].to_pylist(), bought["at_us"].to_pylist(), strict=True
    ):
        first.setdefault(customer, at_us)
    known = {
        customer: int(at_us)
        for customer, at_us in zip(planted.customer_ids, planted.first_purchase_us, strict=True)
        if at_us >= 0
    }
    assert first == known
    # BG/NBD: whoever has not bought again cannot have dropped out.
    repeats = Counter(bought["customer_id"].to_pylist())
    gone = [
        customer
        for customer, alive in zip(planted.customer_ids, planted.alive, strict=True)
        if customer in first and not alive
    ]
    assert gone
    assert min(repeats[customer] for customer in gone) >= 2
    assert {"prospect", "occasional", "regular", "frequent"} == set(planted.group)


def test_stage_transitions_follow_the_planted_matrix(events: pa.Table) -> None:
    entered = of_type(events, "stage.entered")
    counts = np.zeros((len(STAGES), len(STAGES)))
    last: dict[str, int] = {}
    for customer, properties in zip(
        entered["customer_id"].to_pylist(), entered["properties"].to_pylist(), strict=True
    ):
        stage = STAGES.index(json.loads(properties)["stage"])
        if customer in last:
            counts[last[customer], stage] += 1
        last[customer] = stage
    moves = np.array(DEMO_TENANT.stages.moves)
    assert (counts[moves == 0] == 0).all()
    statistic, freedom = 0.0, 0
    for row, wanted in zip(counts, moves, strict=True):
        # Given that a move was seen; the wait does not depend on where it leads.
        expected = row.sum() * wanted / wanted.sum()
        used = wanted > 0
        statistic += float(np.sum((row[used] - expected[used]) ** 2 / expected[used]))
        freedom += int(used.sum()) - 1
    assert stats.chi2.sf(statistic, freedom) > 0.001
    assert counts.sum() > 10_000


def test_the_purchase_stage_is_entered_a_second_after_the_first_purchase(
    events: pa.Table, planted: Truth
) -> None:
    entered = of_type(events, "stage.entered")
    into = entered.filter(pc.equal(entered["properties"], '{"stage": "purchase"}'))
    found = dict(zip(into["customer_id"].to_pylist(), into["at_us"].to_pylist(), strict=True))
    second = 1_000_000
    wanted = {
        customer: int(at_us) + second
        for customer, at_us in zip(planted.customer_ids, planted.first_purchase_us, strict=True)
        if at_us >= 0
    }
    assert found == wanted


def test_first_responses_follow_the_planted_quantiles(events: pa.Table) -> None:
    asked: dict[str, tuple[int, str]] = {}
    spans: dict[str, list[float]] = defaultdict(list)
    messages = of_type(events, "message.sent")
    answered = set()
    for row in messages.to_pylist():
        said = json.loads(row["properties"])
        name = said["conversation_id"]
        if said["sender"] == "customer":
            asked.setdefault(name, (row["at_us"], row["channel"]))
        elif said["sender"] == "agent" and name not in answered:
            answered.add(name)
            at_us, channel = asked[name]
            spans[channel].append((row["at_us"] - at_us) / 1e6)
    for channel, law in DEMO_TENANT.conversations.first_response:
        if len(spans[channel]) < 200:
            continue
        logs = (np.log(spans[channel]) - np.log(law.median_seconds)) / law.sigma
        error = 1.2533 / np.sqrt(len(logs))  # of a normal sample's median
        assert abs(np.median(logs)) < 3.5 * error
        assert abs(np.quantile(logs, 0.9) - 1.2816) < 3.5 * 1.71 / np.sqrt(len(logs))
    assert len(answered) > 1_500


def test_ratings_come_at_their_rate(events: pa.Table) -> None:
    day = 86_400_000_000
    before = int(END.timestamp()) * 1_000_000 - 10 * day  # whose ratings have all been given
    started = of_type(events, "conversation.started")
    old = started.filter(pc.less(started["at_us"], before))
    ids = {json.loads(text)["conversation_id"] for text in old["properties"].to_pylist()}
    seen = {
        kind: {
            json.loads(text)["conversation_id"]
            for text in of_type(events, kind)["properties"].to_pylist()
        }
        & ids
        for kind in ("conversation.resolved", "conversation.rated")
    }
    law = DEMO_TENANT.conversations
    for part, whole, share in (
        ("conversation.resolved", len(ids), law.answered * law.resolved),
        ("conversation.rated", len(seen["conversation.resolved"]), law.rated),
    ):
        error = np.sqrt(whole * share * (1 - share))
        assert abs(len(seen[part]) - whole * share) < 3.5 * error


def test_sessions_follow_the_hours_of_the_tenants_day(world: World, events: pa.Table) -> None:
    """Hourly shares of e-mails sent: one draw each, so that shares have a known error."""
    sent = of_type(events, "email.sent")["at_us"].to_numpy()
    hours = np.bincount(world.clock.local(sent) // 3_600_000_000 % 24, minlength=24)
    wanted = np.array(DEMO_TENANT.rhythm.hours) / sum(DEMO_TENANT.rhythm.hours)
    statistic = float(np.sum((hours - hours.sum() * wanted) ** 2 / (hours.sum() * wanted)))
    assert stats.chi2.sf(statistic, 23) > 0.001


def test_no_event_comes_before_its_customer(events: pa.Table, planted: Truth) -> None:
    first = events.group_by("customer_id").aggregate([("at_us", "min")])
    found = dict(zip(first["customer_id"].to_pylist(), first["at_us_min"].to_pylist(), strict=True))
    assert found == {
        customer: int(at_us)
        for customer, at_us in zip(planted.customer_ids, planted.arrived_us, strict=True)
    }
