"""The simulator's clock: local rhythm without touching what happens in which week."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cip.demo.laws import RhythmLaw
from cip.demo.rhythm import Rhythm
from cip.demo.spec import DEMO_TENANT, ENTERPRISE, DemoSpec
from cip.domain.events import microseconds

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)  # a Wednesday; the clocks change on March 29


def clock(law: RhythmLaw = DEMO_TENANT.rhythm) -> Rhythm:
    return Rhythm(law, "Europe/Berlin", START, 8)


def test_whole_even_weeks_are_whole_local_weeks_also_when_the_clocks_change() -> None:
    mondays = [datetime(2026, 3, day, tzinfo=BERLIN) for day in (2, 9, 16, 23, 30)]
    found = clock().instants(np.arange(5.0)).tolist()
    assert found == [microseconds(monday.astimezone(UTC)) for monday in mondays]
    # The week with the change is an hour short.
    assert found[4] - found[3] == 167 * 3_600 * 1_000_000


def test_order_is_kept_and_instants_map_back() -> None:
    even = np.sort(np.random.default_rng(3).uniform(0, 8, 20_000))
    found = clock()
    instants = found.instants(even)
    assert (np.diff(instants) >= 0).all()
    back = [found.even(int(at)) for at in instants[::500]]
    assert back == pytest.approx(even[::500], abs=1e-9)


def test_a_flat_rhythm_is_plain_time() -> None:
    flat = clock(RhythmLaw(hours=(1.0,) * 24, weekdays=(1.0,) * 7))
    # Wednesday 12:00 local of an ordinary week: 2.5 of its 7 days.
    noon = microseconds(datetime(2026, 3, 4, 12, 0, tzinfo=BERLIN).astimezone(UTC))
    assert flat.even(noon) == pytest.approx(2.5 / 7, abs=1e-12)


@pytest.mark.parametrize("spec", [DEMO_TENANT, ENTERPRISE], ids=lambda spec: spec.tenant)
def test_hours_and_weekdays_come_out_with_their_weights(spec: DemoSpec) -> None:
    law = spec.rhythm
    local = Rhythm(law, spec.timezone, START, 8)
    size = 200_000
    even = np.random.default_rng(5).uniform(0, 3, size)  # weeks without a clock change in Berlin
    wall = local.local(local.instants(even))
    hours = np.bincount(wall // 3_600_000_000 % 24, minlength=24) / size
    days = np.bincount((wall // 86_400_000_000 + 3) % 7, minlength=7) / size
    wanted_hours = np.array(law.hours) / sum(law.hours)
    wanted_days = np.array(law.weekdays) / sum(law.weekdays)
    # Five standard errors of a share, and for New York the one hour that its March lacks.
    assert np.abs(hours - wanted_hours).max() < 5 * np.sqrt(0.1 * 0.9 / size) + 0.001
    assert np.abs(days - wanted_days).max() < 5 * np.sqrt(0.2 * 0.8 / size) + 0.001
