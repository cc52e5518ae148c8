"""What an event costs in bytes: in the stream, the dedupe window, the log and the history."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from _common import TENANT, platform, raw_events, send, utc_now

from cip.history.table import HistoryTable
from cip.ingest.consumers import TenantConsumer
from cip.store import keys
from cip.store.client import CONSUMER_TIMEOUT_SECONDS, connect_for_writes
from cip.store.live import LiveCounters

EVENTS = 200_000


def main() -> None:
    with platform() as running:
        client = connect_for_writes(running.redis_url, timeout_seconds=CONSUMER_TIMEOUT_SECONDS)
        consumer = TenantConsumer(client, running.history_root, TENANT, utc_now)
        consumer.prepare()
        client.config_set("auto-aof-rewrite-percentage", 0)
        log_before = _log_bytes(client)
        events = raw_events(EVENTS, seed=1, over=timedelta(hours=24), until=utc_now())
        events.sort(key=lambda event: str(event["occurred_at"]))
        send(running.services, TENANT, events)
        accepted = _log_bytes(client) - log_before
        sizes = {
            "sent, as JSON": len(json.dumps(events)) / EVENTS,
            "stream (memory)": _memory(client, keys.events(TENANT)) / EVENTS,
            "dedupe window, an id (memory)": _memory(client, keys.seen(TENANT)) / EVENTS,
            "append-only file, accepting": accepted / EVENTS,
        }
        log_before = _log_bytes(client)
        while consumer.live_step():
            pass
        sizes["append-only file, live counters"] = (_log_bytes(client) - log_before) / EVENTS
        sizes["live counters (memory)"] = _live(client) / EVENTS
        while consumer.history_step():
            pass
        table = HistoryTable(running.history_root, TENANT)
        sizes["history, as written"] = _history(table) / EVENTS
        table.compact(above_files=1)
        sizes["history, compacted"] = _history(table) / EVENTS
        print(f"sizes: {EVENTS:,} events of 2,000 customers over 24 hours, bytes an event")
        for name, size in sizes.items():
            print(f"  {name:34}{size:8.1f}")


def _memory(client: Any, name: str) -> int:
    """Exact: every element is looked at."""
    return int(client.memory_usage(name, samples=0) or 0)


def _live(client: Any) -> int:
    prefix = keys.live(TENANT, LiveCounters(client, TENANT).generation())
    return sum(_memory(client, name.decode()) for name in client.scan_iter(f"{prefix}*"))


def _log_bytes(client: Any) -> int:
    return int(client.info("persistence")["aof_current_size"])


def _history(table: HistoryTable) -> int:
    return sum((table.path / Path(name).name).stat().st_size for name in table.file_uris())


if __name__ == "__main__":
    main()
