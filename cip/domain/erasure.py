"""The erasure of a customer: what is dropped from when on, and the receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cip.domain.errors import InvalidInputError
from cip.domain.events import MAX_ID_CHARACTERS

DIGEST_BYTES: Final = 16
KEY_BYTES: Final = 32
ERASED_CODE: Final = "erased"
EVERYBODY: Final = "everybody"  # in place of one customer: all that have a tombstone
_NEVER: Final = -(2**63)

State = Literal["requested", "erased", "completed"]
StoreName = Literal["history", "stream", "dead_letters", "first_seen", "caches", "old_files"]


def digest(key: bytes, customer_id: str) -> bytes:
    """What stands for a customer id in a tombstone: keyed BLAKE2b, a third of an HMAC's time."""
    text = customer_id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=key, digest_size=DIGEST_BYTES).digest()


def check_customer_id(customer_id: str) -> None:
    """Raises `InvalidInputError` for what no event can have as its customer."""
    if not 0 < len(customer_id) <= MAX_ID_CHARACTERS or not customer_id.isprintable():
        raise InvalidInputError(
            f"A customer id is 1 to {MAX_ID_CHARACTERS} printable characters.", field="customer_id"
        )


@dataclass(frozen=True, slots=True)
class Ring:
    """The tombstones under one key: digest → the instant (microseconds) up to which events go."""

    key: bytes
    until: Mapping[bytes, int]


class Erased:
    """A tenant's tombstones at one moment. False when there is none."""

    def __init__(self, version: int = 0, rings: tuple[Ring, ...] = ()) -> None:
        self.version = version
        self._rings = tuple(ring for ring in rings if ring.until)
        self._latest = max((us for ring in self._rings for us in ring.until.values()), default=0)

    def __bool__(self) -> bool:
        return bool(self._rings)

    def covers(self, customer_id: str, occurred_at_us: int) -> bool:
        """Whether the event of this customer and instant is erased."""
        # What is newer than the newest tombstone, as nearly every event is, costs no hash.
        return occurred_at_us <= self._latest and occurred_at_us <= self.until(customer_id)

    def until(self, customer_id: str) -> int:
        """The instant up to which the customer is erased; before all time where not at all."""
        return max(
            (ring.until.get(digest(ring.key, customer_id), _NEVER) for ring in self._rings),
            default=_NEVER,
        )

    def among(self, customer_ids: Iterable[str]) -> dict[str, int]:
        """Those of many customers that are erased, and up to which instant."""
        ids = list(customer_ids)
        found: dict[str, int] = {}
        for ring in self._rings:
            for one in ids:
                if (us := ring.until.get(digest(ring.key, one))) is not None:
                    found[one] = max(us, found.get(one, us))
        return found

    def names(self, customer_id: str) -> list[bytes]:
        """The digests of the customer that have a tombstone (two where the key was lost once)."""
        found = (digest(ring.key, customer_id) for ring in self._rings)
        return [one for ring, one in zip(self._rings, found, strict=True) if one in ring.until]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Record):
    """Something that was done, when, and what it came to: a number of rows, keys, …, of all
    customers that were erased together."""

    name: str
    at: AwareDatetime
    count: int | None = None
    note: str | None = None


class Erasure(_Record):
    """A request to erase a customer, and what has become of it. It names the customer by a keyed
    hash alone.

    `requested`: no event of the customer up to `until` is taken any more. `erased`: none is left
    where figures are made of; `found` says what a search of each store found after it. Then old
    files that hold deleted rows are still on the disk, until `old_files_until` at least.
    `completed`: those are gone too.
    """

    id: str
    customer: str = Field(description="A keyed hash of the customer's id.")
    state: State = "requested"
    requested_at: AwareDatetime
    requested_by: str
    until: AwareDatetime = Field(description="Events that occurred later are another story.")
    erased_at: AwareDatetime | None = None
    caches_until: AwareDatetime | None = None
    old_files_until: AwareDatetime | None = None
    old_files_removed_at: AwareDatetime | None = None
    steps: tuple[Step, ...] = ()
    found: dict[StoreName, Annotated[int, Field(ge=0)]] = {}

    def is_due(self, now: datetime) -> bool:
        """Whether there is something to do now."""
        if self.state == "erased":
            return self.old_files_until is None or self.old_files_until <= now
        return self.state == "requested"

    def did(self, name: str, at: datetime, count: int | None = None, note: str = "") -> Erasure:
        """With this step done; what an earlier try at it came to counts too."""
        tried = [one.count for one in self.steps if one.name == name and one.count is not None]
        total = None if count is None else count + sum(tried)
        step = Step(name=name, at=at, count=total, note=note or None)
        others = tuple(one for one in self.steps if one.name != name)
        return self.model_copy(update={"steps": (*others, step)})
