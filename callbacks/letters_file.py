"""The list of dead letters of a reason, as a file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from callbacks.health_rows import COLUMNS, file_row
from cip.domain.dead_letters import Reason
from cip.domain.principals import Principal
from cip.services.exports import neutralise

if TYPE_CHECKING:
    from cip.services import Services


def letters_file(services: Services, who: Principal, reason: Reason) -> dict[str, Any]:
    """What became known of each letter; their payloads do not leave in a file."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for letter in services.dead_letters.exported(who, reason):
        writer.writerow([neutralise(cell) for cell in file_row(letter)])
    stamp = services.resources.clock().strftime("%Y%m%dT%H%M%SZ")
    name = f"{who.tenant}-dead-letters-{stamp}.csv"
    return {"filename": name, "content": buffer.getvalue(), "type": "text/csv", "base64": False}
