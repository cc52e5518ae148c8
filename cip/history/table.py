"""One tenant's events as a Delta table: appends, removal of an import, and durability."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from cip import failpoints
from cip.domain.errors import ConflictError
from cip.domain.tenants import TenantId
from cip.durable import make_folder, sync
from cip.history.adopting import adopt
from cip.history.durability import LOOK_BACK, DamagedHistoryError, mend, sync_versions
from cip.history.log_files import OWN_ENGINE, WRITER
from cip.history.replacing import STATISTICS, Replacement, replace_files
from cip.history.writer_lock import writer_lock

# `position` is the packed stream id of a streamed event; imports have `import_id` and
# `import_row` instead. `properties` is JSON text; `amount_minor` repeats the one property that
# nearly every query sums.
SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("occurred_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("properties", pa.string(), nullable=False),
        pa.field("amount_minor", pa.int64()),
        pa.field("source_order", pa.int64()),
        pa.field("received_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("position", pa.int64()),
        pa.field("import_id", pa.string()),
        pa.field("import_row", pa.int64()),
    ]
)
STREAM_APP: Final = "stream"
_IMPORT_APP: Final = "import/"
SMALL_BYTES: Final = 32 * 1024 * 1024
KEPT_AFTER_DELETION: Final = timedelta(hours=1)
# The log holds the least and greatest value of each column with statistics in plain text: never
# of one that says who somebody is. Nobody reads old versions, so the log is as short as may be.
_CONFIGURATION: Final = {
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.logRetentionDuration": "interval 1 hours",
    "delta.checkpointInterval": "50",
    # Else a commit removes what its checkpoint stands for before that is synced.
    "delta.enableExpiredLogCleanup": "false",
    "delta.dataSkippingStatsColumns": ",".join(STATISTICS),
}
_DELETE_TRIES: Final = 5


class HistoryTable:
    """The events of one tenant under `root`/`tenant`/events.

    Each write loads the table anew, checks what the log already records, and commits through
    that same object, so that a rival writer's commit makes this one fail instead of doubling.
    """

    def __init__(self, root: str, tenant: TenantId) -> None:
        self.tenant = tenant
        self.folder = Path(root) / tenant
        self.path = self.folder / "events"
        self._synced: int | None = None  # up to this version all is known to be on the disk
        self._mended = False

    def ensure(self) -> None:
        """Creates the table where there is none yet; gives an older one today's properties."""
        self._mend_once()
        if DeltaTable.is_deltatable(str(self.path)):
            self._configure()
            return
        make_folder(self.path)
        DeltaTable.create(
            str(self.path), schema=SCHEMA, mode="ignore", configuration=dict(_CONFIGURATION)
        )
        self._sync_version(0)

    def recover(self, *, acknowledged: int = -1) -> None:
        """Before a table is written to: ends what a power cut or a kill has left undone.

        `acknowledged` is the packed stream position that is known to be durable. Raises
        `DamagedHistoryError` where the table cannot hold it any more, and makes no new one then.
        """
        mend(self.path, is_spared=lambda version: self._reaches(version, acknowledged))
        self._mended = True
        if not self._reaches(self.version(), acknowledged):
            raise DamagedHistoryError(
                "The history is gone, or lacks events that were acknowledged and have left the "
                "stream. Restore a backup of it that is no older than the one Redis runs on."
            )
        self.ensure()
        make_folder(self.path)
        self._sync_version(self.version())

    def _mend_once(self) -> None:
        """A commit on top of what a power cut has left in part would be set aside with it."""
        if not self._mended:
            mend(self.path)
            self._mended = True

    def _reaches(self, version: int, position: int) -> bool:
        if position <= 0:
            return True
        if version < 0:
            return False
        try:
            return self._recorded(DeltaTable(str(self.path), version), STREAM_APP) >= position
        except DeltaError:
            return False

    def _configure(self) -> None:
        table = self._load()
        present = table.metadata().configuration
        missing = {k: v for k, v in _CONFIGURATION.items() if present.get(k) != v}
        if not missing:
            return
        # Whose commit came in between does the same, or the next one who opens the table.
        with suppress(CommitFailedError):
            table.alter.set_table_properties(missing)
            self._sync_version(table.version())

    def exists(self) -> bool:
        return DeltaTable.is_deltatable(str(self.path))

    def version(self) -> int:
        """The newest committed version; -1 without a table."""
        try:
            return self._load().version()
        except TableNotFoundError:
            return -1

    def file_uris(self) -> list[str]:
        """The Parquet files that make up the newest version."""
        try:
            return list(self._load().file_uris())
        except TableNotFoundError:
            return []

    def stream_position(self) -> int:
        """The last packed stream id that is in the history; -1 when none is."""
        return self._recorded(self._load(), STREAM_APP)

    def append_stream(self, rows: pa.Table, last_position: int) -> bool:
        """Commits rows and the stream position they reach, as one durable transaction.

        Rows must be in stream order and have `position` set. Rows at or below the recorded
        position are left out, so a repeat after a crash adds nothing. Returns whether anything
        was committed.
        """
        table = self._load()
        recorded = self._recorded(table, STREAM_APP)
        fresh = rows.filter(pa.compute.greater(rows["position"], recorded))
        if fresh.num_rows < rows.num_rows or last_position <= recorded:
            # Whoever committed the others may have been killed before they were on the disk.
            self._sync_version(table.version())
        if last_position <= recorded:
            return False
        self._commit(table, fresh, Transaction(STREAM_APP, last_position))
        return True

    def append_import(self, rows: pa.Table, import_id: str) -> int:
        """Commits one import's rows as one durable transaction; returns the number of rows.

        An import id is committed once: `ConflictError` when the history has it already.
        """
        with self.exclusive():
            self.ensure()
            table = self._load()
            if self._recorded(table, _IMPORT_APP + import_id) > 0:
                raise ConflictError(f"The import {import_id} is in the history already.")
            self._commit(table, rows, Transaction(_IMPORT_APP + import_id, 1))
        return int(rows.num_rows)

    def has_import(self, import_id: str) -> bool:
        """Whether an import of this id is in force."""
        return self.exists() and self._recorded(self._load(), _IMPORT_APP + import_id) > 0

    def adopt_import(self, file: Path, rows: int, import_id: str) -> None:
        """Commits a Parquet file of this tenant's folder, with the columns of `SCHEMA`, as one
        import; the file moves into the table. `ConflictError` as for `append_import`."""
        with self.exclusive():
            self.ensure()
            table = self._load()
            if self._recorded(table, _IMPORT_APP + import_id) > 0:
                raise ConflictError(f"The import {import_id} is in the history already.")
            adopted = self.path / f"part-{uuid4()}.parquet"
            file.rename(adopted)
            properties = _properties(Transaction(_IMPORT_APP + import_id, 1))
            adopt(table, adopted, rows, import_id, properties)
            # The stream may have committed in between: whichever version is ours, it is on the
            # disk then.
            self._sync_version(self._load().version())

    def delete_import(self, import_id: str) -> int:
        """Removes the rows of one import and frees its id; returns how many rows went."""
        if "'" in import_id or "\\" in import_id:
            return 0
        with self.exclusive():
            return self._delete(f"import_id = '{import_id}'", _IMPORT_APP + import_id)

    def compact(self, *, above_files: int) -> bool:
        """Merges small files once there are more than `above_files` of them; whether it did.

        Commits slow down with the number of files. Readers keep the files that they hold: only
        `old_files.remove_old` removes them, an hour later. While somebody else holds `exclusive`
        it is left for another time.
        """
        if self._small_files() <= above_files:
            return False
        with self.exclusive(wait=False) as mine:
            if not mine:
                return False
            table = self._load()
            failpoints.hit("compact.before")
            table.optimize.compact()
            failpoints.hit("compact.after")
            self._sync_version(table.version())
        return True

    def _small_files(self) -> int:
        """A big history has many files that are as they should be."""
        actions = pa.table(self._load().get_add_actions())
        return sum(size < SMALL_BYTES for size in actions["size_bytes"].to_pylist())

    def replace(self, replacements: list[Replacement]) -> bool:
        """Durably puts files in the place of others, as one transaction; False where one of the
        others is no longer part of the table. The caller holds `exclusive`."""
        for one in replacements:
            if one.new:
                sync(one.new)
        version = replace_files(self.path, replacements)
        if version is None:
            return False
        self._sync_version(version)
        return True

    @contextmanager
    def exclusive(self, *, wait: bool = True) -> Iterator[bool]:
        """Held by imports and maintenance, so that two of them on one machine take turns. Yields
        whether it is held: without `wait` somebody else may have it.

        The stream consumer does not take it: a conflicting commit of it fails and is retried.
        """
        with self.locked(wait=wait) as mine:
            if mine:
                self._mend_once()
            yield mine

    def locked(self, *, wait: bool = True) -> AbstractContextManager[bool]:
        """The same for whoever does not mind the state that the table is in."""
        return writer_lock(self.folder, wait=wait)

    def _delete(self, condition: str, app: str) -> int:
        """Rewrites the files that hold such rows; begins anew when a commit came in between."""
        properties = _properties(Transaction(app, 0))
        for tries_left in reversed(range(_DELETE_TRIES)):
            table = self._load()
            try:
                removed = table.delete(condition, commit_properties=properties)
            except CommitFailedError:
                if not tries_left:
                    raise
            else:
                self._sync_version(table.version())
                return int(removed.get("num_deleted_rows") or 0)
        return 0

    def _load(self) -> DeltaTable:
        return DeltaTable(str(self.path))

    @staticmethod
    def _recorded(table: DeltaTable, app: str) -> int:
        version = table.transaction_version(app)
        return -1 if version is None else int(version)

    def _commit(self, table: DeltaTable, rows: pa.Table, transaction: Transaction) -> None:
        failpoints.hit("history.before_commit")
        write_deltalake(
            table,
            rows,
            mode="append",
            commit_properties=_properties(transaction),
        )
        failpoints.hit("history.after_commit")
        self._sync_version(table.version())

    def _sync_version(self, version: int) -> None:
        """Puts the commit on the disk, and those before it, whoever made them: a version behind a
        gap would be lost with it."""
        known = self._synced
        if known is not None and version < known:  # an older one was put in its place
            known = None
        first = version - LOOK_BACK if known is None else known + 1
        sync_versions(self.path, first, version)
        self._synced = version


def _properties(transaction: Transaction) -> CommitProperties:
    return CommitProperties(app_transactions=[transaction], custom_metadata={WRITER: OWN_ENGINE})
