"""Works off a tenant's erasures: every store, in an order in which nothing comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from cip import failpoints
from cip.domain.erasure import Erased, Erasure, StoreName
from cip.domain.errors import ConflictError, UnavailableError
from cip.domain.events import instant
from cip.domain.tenants import TenantId
from cip.history.erasing import HistoryErasing
from cip.history.table import KEPT_AFTER_DELETION, HistoryTable
from cip.history.tombstone_journal import Kept, TombstoneJournal
from cip.ingest.imports.turns import turn
from cip.ingest.pause import await_history
from cip.ingest.rebuild import rebuild_live
from cip.store import keys
from cip.store.append_log import rewrite_append_log
from cip.store.client import AWAY, Redis
from cip.store.erasures import Erasures
from cip.store.leases import Lease
from cip.store.remains import Remains
from cip.store.streams import EventStream, pack
from cip.store.tombstones import Tombstones

LEASE_MS: Final = 30_000
_RIVAL_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.5

Clock = Callable[[], datetime]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose customers are erased, and where everything is. `cached`: for how long a process keeps
    results in its own memory."""

    client: Redis
    history_root: str
    tenant: TenantId
    clock: Clock
    cached: timedelta = timedelta(seconds=30)


def erase_due(place: Place, finished: Callable[[Erasure], None]) -> bool:
    """Brings every unfinished erasure of the tenant as far as it goes now; False while another
    process is at it. `finished` is told of each that has come to `erased` or to `completed`.

    May die at any moment: whoever comes next begins anew and finds what is left.
    """
    lease = Lease(place.client, keys.erasure_lease(place.tenant), LEASE_MS)
    if not lease.acquire():
        return False
    with _held(lease):
        work = _Work(place, finished)
        while requested := work.unfinished("requested"):
            work.erase(requested)
        work.complete(work.unfinished("erased"))
    return True


def restore_tombstones(place: Place) -> int:
    """After a restore: puts into force what either Redis or the journal beside the history knows,
    and the receipts of erasures that Redis has forgotten; how many tombstones there are."""
    kept = TombstoneJournal(HistoryTable(place.history_root, place.tenant).folder).read()
    tombstones = Tombstones(place.client, place.tenant)
    ids = tombstones.add_keys(kept.keys)
    until = {}
    for name, us in kept.until.items():
        key_id, _, digest = name.partition(":")
        until[f"{ids[key_id]}:{digest}"] = us
    tombstones.write(until)
    erasures = Erasures(place.client, place.tenant)
    present = {one.id for one in erasures.all()}
    for erasure_id, text in kept.records.items():
        if erasure_id not in present:
            erasures.save(Erasure.model_validate_json(text))
    return len(tombstones.all())


class _Work:
    def __init__(self, place: Place, finished: Callable[[Erasure], None]) -> None:
        self._place = place
        self._finished = finished
        self._client, self._tenant = place.client, place.tenant
        self._table = HistoryTable(place.history_root, place.tenant)
        self._history = HistoryErasing(self._table)
        self._journal = TombstoneJournal(self._table.folder)
        self._tombstones = Tombstones(place.client, place.tenant)
        self._erasures = Erasures(place.client, place.tenant)
        self._at_work: list[Erasure] = []

    def unfinished(self, state: str) -> list[Erasure]:
        return [one for one in self._erasures.unfinished() if one.state == state]

    def erase(self, requested: Sequence[Erasure]) -> None:
        """All tombstones are worked off in one pass, whoever's they are."""
        self._at_work = list(requested)
        self._table.ensure()
        self._keep_copy()
        erased = self._delete_from_history()
        failpoints.hit("erase.after_delete")
        self._rebuild()
        failpoints.hit("erase.after_rebuild")
        remains = Remains(self._client, self._tenant, erased)
        self._delete_remains(remains)
        results = remains.results()
        self._did("caches", remains.unlink(results))
        self._did("append_log", note=rewrite_append_log(self._client))
        found = self._found(erased, remains, results)
        failpoints.hit("erase.before_receipt")
        if left := {store: number for store, number in found.items() if number}:
            log.warning("erased events are still there", tenant=self._tenant, **left)
            raise UnavailableError("Erased events are still there; the next try removes them.")
        found["old_files"] = self._history.count_old(erased)
        now = self._place.clock()
        self._conclude(
            state="erased",
            erased_at=now,
            caches_until=now + self._place.cached,
            old_files_until=now + KEPT_AFTER_DELETION,
            found=found,
        )

    def complete(self, erased: Sequence[Erasure]) -> None:
        """Removes old files, once whoever was reading them had time to finish."""
        now = self._place.clock()
        due = [one for one in erased if one.is_due(now)]
        if not due:
            return
        self._at_work = list(due)
        tombstones = self._tombstones.current()
        self._history.remove_old()
        # Published by a computation that had begun before.
        remains = Remains(self._client, self._tenant, tombstones)
        self._did("caches", remains.unlink(remains.results()))
        left = self._history.count_old(tombstones)
        if left:
            log.info("old files wait for the table's retention", tenant=self._tenant, left=left)
            return
        self._did("old_files", 0)
        self._at_work = [
            one.model_copy(update={"found": {**one.found, "old_files": 0}}) for one in self._at_work
        ]
        self._conclude(state="completed", old_files_removed_at=self._place.clock())

    def _keep_copy(self) -> None:
        tombstones = self._tombstones
        records = {one.id: one.model_dump_json() for one in self._at_work}
        self._journal.add(Kept(tombstones.keys(), tombstones.all(), records))

    def _delete_from_history(self) -> Erased:
        """Answers which tombstones were worked off: there may be later ones by then."""
        # An import that is under way has looked at older tombstones: it ends first.
        with turn(self._table):
            erased = self._caught_up()
            people = self._history.people(erased)
            if later := self._history.ahead(people):
                self._raise(later, erased)
                erased = self._caught_up()
                people = self._history.people(erased)
            failpoints.hit("erase.before_delete")
            deletion = self._history.delete(people)
        files = f"files written anew: {deletion.files}" if deletion.files else ""
        self._did("history", deletion.rows, files)
        return erased

    def _caught_up(self) -> Erased:
        """The tombstones, once the history holds all that was taken before they were in force:
        what came later was checked against them when it was taken."""
        erased = self._tombstones.current()
        position = pack(EventStream(self._client, self._tenant).extent().last_id)
        place = self._place
        await_history(self._client, place.history_root, self._tenant, position, place.clock)
        return erased

    def _raise(self, later: Mapping[str, int], erased: Erased) -> None:
        """Makes the tombstones of these customers later."""
        digests = {one: us for who, us in later.items() for one in erased.names(who)}
        names = {
            name: digests[digest]
            for name in self._tombstones.all()
            if (digest := bytes.fromhex(name.partition(":")[2])) in digests
        }
        self._tombstones.write(names)
        self._at_work = [
            one.model_copy(update={"until": instant(names[one.customer])})
            if one.customer in names
            else one
            for one in self._at_work
        ]
        self._keep_copy()

    def _rebuild(self) -> None:
        """Waits for another rebuild, or for the end of a killed one's pause."""
        deadline = time.monotonic() + _RIVAL_SECONDS
        place = self._place
        while True:
            try:
                rebuild_live(self._client, place.history_root, self._tenant, place.clock)
            except ConflictError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                break
        self._did("live_counters")

    def _delete_remains(self, remains: Remains) -> None:
        self._did("older_counters", remains.unlink(remains.older_generations()))
        entries = remains.in_stream()
        remains.delete_from_stream(entries)
        self._did("stream", len(entries))
        letters = remains.in_letters()
        remains.delete_letters(letters)
        self._did("dead_letters", len(letters))

    def _found(
        self, erased: Erased, remains: Remains, results: Sequence[str]
    ) -> dict[StoreName, int]:
        """Looks into every store again."""
        return {
            "history": self._history.count(erased),
            "stream": len(remains.in_stream()),
            "dead_letters": len(remains.in_letters()),
            "first_seen": remains.in_first_seen(),
            "caches": remains.existing(results),
        }

    def _did(self, step: str, count: int | None = None, note: str = "") -> None:
        """On the record at once, for whoever asks meanwhile."""
        now = self._place.clock()
        self._at_work = [one.did(step, now, count, note) for one in self._at_work]
        for erasure in self._at_work:
            self._erasures.save(erasure)

    def _conclude(self, **changes: object) -> None:
        done = [one.model_copy(update=changes) for one in self._at_work]
        self._journal.add(Kept(records={one.id: one.model_dump_json() for one in done}))
        for erasure in done:
            self._finished(erasure)
            self._erasures.save(erasure)


@contextmanager
def _held(lease: Lease) -> Iterator[None]:
    """Extends the lease while the block runs; it lapses soon after a killed process."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(LEASE_MS / 3_000):
            with suppress(*AWAY):  # the next beat may find it back
                lease.extend()

    thread = threading.Thread(target=beat, name="erasure-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(*AWAY):
            lease.release()
