"""A history that is not what the stream's group says it is stops, and is waited for in peace."""

from __future__ import annotations

import shutil

import pytest

from cip.domain.errors import UnavailableError
from cip.history.table import HistoryTable
from cip.ingest import pause, process, turns
from cip.ingest.consumers import TenantConsumer
from cip.store.streams import EventStream
from tests.factories import Platform, raw_event, tenant
from tests.ingest.test_process import running
from tests.ingest.test_stopped_groups import flow
from tests.waiting import wait_until

ACME = tenant().id


def test_a_lost_history_raises_an_alarm_and_goes_on_once_it_is_restored(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_FIRST_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(turns, "STOPPED_SECONDS", 0.1)
    monkeypatch.setattr(process, "HISTORY_PAUSE_SECONDS", 0.05)
    platform.send(raw_event(), raw_event())
    table = HistoryTable(platform.history_root, ACME)
    away = table.folder / "away"
    table.path.rename(away)
    platform.services.ingestion.accept(ACME, [raw_event()])
    with running(platform):
        wait_until(lambda: flow(platform)[1].alarm, 10, "the alarm")
        wait_until(lambda: not flow(platform)[0].lag, 10, "counted all the same")
        alarm = flow(platform)[1].alarm
        assert alarm is not None
        assert alarm.kind == "DamagedHistoryError"
        assert alarm.message.startswith("The history is gone")
        assert not table.path.exists()
        shutil.move(away, table.path)
        wait_until(lambda: not EventStream(platform.client, ACME).backlog("history"), 10, "stored")
    assert len(table.file_uris()) == 2


class Time:
    """In place of the module `time`."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_whoever_waits_for_the_history_does_not_spin(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own step may finish nothing: a successor moves the group, or nothing is there to do."""
    platform.send(raw_event())
    time, steps = Time(), []
    monkeypatch.setattr(pause, "time", time)

    def history_step(consumer: TenantConsumer) -> int:
        steps.append(time.now)
        assert len(steps) < 5_000, "it spins"
        return 0

    monkeypatch.setattr(TenantConsumer, "history_step", history_step)
    with pytest.raises(UnavailableError):
        pause.await_history(platform.client, platform.history_root, ACME, 2**62, platform.clock)
    assert steps == sorted(set(steps))
