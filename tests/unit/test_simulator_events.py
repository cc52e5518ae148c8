"""The simulated events themselves: valid, deterministic, unique, and continued without a seam."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cip.demo.frame import raw_events, to_history
from cip.demo.live import follow
from cip.demo.spec import DEMO_SPECS, DEMO_TENANT, ENTERPRISE, DemoSpec
from cip.demo.world import World
from cip.domain.events import microseconds, parse_event
from cip.history.table import SCHEMA

END = datetime(2026, 11, 22, 9, 0, 30, 123_456, tzinfo=UTC)
DAY_US = 86_400_000_000


def small(spec: DemoSpec) -> DemoSpec:
    return replace(spec, customers=150, days=60)


def event_ids(world: World) -> set[str]:
    return set(world.seed_events()["event_id"].to_pylist())


@pytest.mark.parametrize("spec", DEMO_SPECS, ids=lambda spec: spec.tenant)
def test_the_parser_takes_every_event(spec: DemoSpec) -> None:
    world = World(small(spec), END)
    tenant = spec.as_tenant(END)
    table = world.seed_events()
    for raw, amount in zip(raw_events(table), table["amount_minor"].to_pylist(), strict=True):
        event = parse_event(raw, tenant=tenant, now=END)
        assert event.amount_minor == amount
    kinds = set(table["type"].to_pylist())
    assert {
        *("customer.identified", "stage.entered", "purchase.completed", "page.viewed"),
        *("conversation.started", "message.sent", "conversation.resolved", "email.opened"),
    } <= kinds


def test_the_same_spec_and_end_give_the_same_bytes() -> None:
    one, other = (World(small(DEMO_TENANT), END) for _ in range(2))
    table = one.seed_events()
    assert table.equals(other.seed_events())
    rows = [to_history(world.seed_events(), SCHEMA, 0, world.import_id) for world in (one, other)]
    assert rows[0].equals(rows[1])
    reseeded = replace(small(DEMO_TENANT), seed=8)
    assert not table.drop(["event_id"]).equals(
        World(reseeded, END).seed_events().drop(["event_id"])
    )


def test_events_are_ordered_and_inside_the_seeded_span() -> None:
    world = World(small(DEMO_TENANT), END)
    at_us = world.seed_events()["at_us"].to_numpy()
    assert (np.diff(at_us) >= 0).all()
    assert at_us[0] >= microseconds(world.start)
    assert at_us[-1] < microseconds(world.seed_end) <= microseconds(END)


def test_history_rows_have_the_schema_of_the_history() -> None:
    world = World(small(ENTERPRISE), END)
    rows = to_history(world.seed_events(), SCHEMA, microseconds(END), world.import_id)
    assert rows.schema == SCHEMA
    assert rows["import_row"].to_pylist() == list(range(rows.num_rows))
    assert set(rows["import_id"].to_pylist()) == {"demo-11-20261122T090030Z"}
    assert rows["position"].null_count == rows.num_rows


def test_two_tenants_share_no_customer_and_no_event() -> None:
    tables = [World(small(spec), END).seed_events() for spec in DEMO_SPECS]
    for column in ("customer_id", "event_id"):
        one, other = (set(table[column].to_pylist()) for table in tables)
        assert one.isdisjoint(other)


def test_live_events_continue_the_seed_without_repeating_an_id() -> None:
    world = World(small(DEMO_TENANT), END)
    seeded = world.seed_events()
    live = list(itertools.islice(follow(world, microseconds(world.seed_end) - 1), 15_000))
    ids = [due.raw["event_id"] for due in live]
    assert len(set(ids)) == len(ids)
    assert set(ids).isdisjoint(seeded["event_id"].to_pylist())
    assert live[0].at_us >= microseconds(world.seed_end)
    assert all(one.at_us <= other.at_us for one, other in itertools.pairwise(live))


def test_a_restart_anywhere_goes_on_as_if_it_had_never_stopped() -> None:
    start = microseconds(World(small(DEMO_TENANT), END).seed_end) - 1
    whole = list(itertools.islice(follow(World(small(DEMO_TENANT), END), start), 12_000))
    for stopped in (1, 2_500, 11_000):
        again = follow(World(small(DEMO_TENANT), END), whole[stopped - 1].at_us)
        assert list(itertools.islice(again, 900)) == whole[stopped : stopped + 900]


def test_any_span_is_the_same_cut_of_one_world() -> None:
    world = World(small(DEMO_TENANT), END)
    whole = world.seed_events()
    end = microseconds(world.seed_end)
    for first, last in ((50, 43), (7, 3), (2, 0)):
        start, stop = end - first * DAY_US, end - last * DAY_US
        inside = pc.and_(pc.greater_equal(whole["at_us"], start), pc.less(whole["at_us"], stop))
        fresh = World(small(DEMO_TENANT), END).between(start, stop)
        assert fresh.num_rows > 100
        assert fresh.equals(pa.table(whole.filter(inside)))


@pytest.mark.parametrize("spec", DEMO_SPECS, ids=lambda spec: spec.tenant)
def test_a_visitor_never_waits_long_for_a_figure_to_move(spec: DemoSpec) -> None:
    world = World(spec, END)
    start = microseconds(world.seed_end)
    at_us = world.between(start, start + 3 * DAY_US)["at_us"].to_numpy()
    longest = spec.browsing.longest_silence_seconds
    # Where two even days meet, two silences may add up.
    assert np.diff(at_us).max() <= 2 * longest * 1e6
    peak = np.bincount((at_us - start) // 3_600_000_000).max() / 3_600
    assert 0.05 < peak < 3


def test_names_are_made_of_syllables_and_addresses_lead_nowhere() -> None:
    world = World(small(DEMO_TENANT), END)
    table = world.seed_events()
    known = table.filter(pc.equal(table["type"], "customer.identified"))
    identities = [json.loads(text) for text in known["properties"].to_pylist()]
    assert len(identities) > 100
    assert all(who["email"].endswith("@example.com") for who in identities)
    assert len({who["email"] for who in identities}) == len(identities)
    assert len({who["name"] for who in identities}) > 0.95 * len(identities)


def test_purchases_of_a_customer_fall_on_different_local_days() -> None:
    world = World(DEMO_TENANT, END)
    lives = world.lives_before(world.clock.even(microseconds(END)))
    rows = lives.purchases
    days = world.clock.local_days(rows.at_us)
    same = np.diff(rows.customer) == 0
    assert same.any()
    assert (np.diff(days)[same] >= 1).all()


def test_seeds_that_end_at_different_instants_share_no_event_id() -> None:
    spec = small(DEMO_TENANT)
    assert event_ids(World(spec, END)).isdisjoint(event_ids(World(spec, END + timedelta(hours=1))))
