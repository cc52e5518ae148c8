"""From stream entries to rows of the history."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pyarrow as pa

from cip.domain.events import Event
from cip.history.table import SCHEMA
from cip.store.streams import Entry


def rows(batch: Sequence[tuple[Entry, Event]]) -> pa.Table:
    """A table of `SCHEMA`, in the order of the batch."""
    columns = {
        "event_id": [event.event_id for _, event in batch],
        "customer_id": [event.customer_id for _, event in batch],
        "type": [event.type for _, event in batch],
        "occurred_at": [event.occurred_at_us for _, event in batch],
        "channel": [event.channel for _, event in batch],
        "properties": [orjson.dumps(event.properties).decode() for _, event in batch],
        "amount_minor": [event.amount_minor for _, event in batch],
        "source_order": [None] * len(batch),
        "received_at": [event.received_at_us for _, event in batch],
        "position": [entry.position for entry, _ in batch],
        "import_id": [None] * len(batch),
        "import_row": [None] * len(batch),
    }
    return pa.table(
        [pa.array(columns[field.name], type=field.type) for field in SCHEMA], schema=SCHEMA
    )
