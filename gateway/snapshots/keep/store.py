"""Tables in DuckDB: filled by an extract, then immutable, read by many requests, dropped whole.

Each table is a database of its own, compressed. Without a data directory, tables live in memory.
With one, a draft is a file of its own; a copy of it becomes the snapshot and is attached read-only.
After a restart, each file is found again and read to its end: an unusable one is renamed to
`*.unusable`, never served. All methods block: call them from a worker thread.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import duckdb
import pyarrow as pa

from gateway.errors import InsufficientStorage, InternalError, QueryTimeout
from gateway.observe import Observer
from gateway.snapshots.facts import SnapshotKey, StoredTable, read_facts, write_facts
from gateway.snapshots.keep.database import Bounds, literal, memory_in_tables, open_database
from gateway.snapshots.keep.files import SnapshotFiles
from gateway.snapshots.keep.tables import RowTable, TableLayout
from gateway.snapshots.query_threads import QueryThreads

Statement: TypeAlias = tuple[str, Sequence[object]]
_MAX_TABLE_LOCKS = 16
_MAX_CHECKPOINT_ATTEMPTS = 10
_RETRY_SECONDS = 0.02
_MAX_CLOSING_ATTEMPTS = 500
_NO_SPACE = (
    duckdb.OutOfMemoryException,
    duckdb.IOException,
    duckdb.TransactionException,  # how DuckDB reports a write that fails at its commit
    OSError,
)

__all__ = ["SnapshotKey", "SnapshotStore", "StoredTable", "TableLayout"]


class SnapshotStore:
    """The tables of all snapshots; thread-safe, because every use has a cursor of its own.

    Raises:
        ConfigurationProblem: the directory cannot be made or written.
    """

    def __init__(
        self,
        layout: TableLayout,
        directory: Path | None,
        observer: Observer,
        bounds: Bounds | None = None,
    ) -> None:
        self.layout = layout
        self.threads = QueryThreads()
        self._files = None if directory is None else SnapshotFiles(directory, observer)
        self._observer = observer
        within, aside = (
            (self._files.directory, self._files.building) if self._files else (None,) * 2
        )
        self._connection = open_database(within, aside, bounds or Bounds())
        self._memory_lock = Lock()
        self._snapshot_bytes: dict[str, int] = {}
        self._draft_bytes: dict[str, int] = {}
        self._derived: dict[str, dict[str, int]] = {}
        self._table_locks = tuple(Lock() for _ in range(_MAX_TABLE_LOCKS))

    def close(self) -> None:
        """Release memory and files once the queries in other threads have ended.

        Queries that do not end in time end with the process.
        """
        for _ in range(_MAX_CLOSING_ATTEMPTS):
            try:
                self._connection.close()
            except duckdb.OperationalError:  # a query whose client has disconnected
                time.sleep(_RETRY_SECONDS)
            else:
                return
        self._observer.warn("a query is still running while the snapshots are closed")

    def table_name(self, snapshot_id: str) -> str:
        """Return the qualified SQL name of a snapshot; ids are hexadecimal and made here."""
        return f"{_catalog(snapshot_id)}.rows"

    def path(self, snapshot_id: str) -> Path | None:
        """Return the path of a snapshot's file, which may not exist yet; None in memory."""
        return None if self._files is None else self._files.path(snapshot_id)

    def draft_name(self, snapshot_id: str) -> str:
        """Return the qualified SQL name of a table that is not published yet."""
        return f"{self._draft(snapshot_id)}.rows"

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a cursor for one thread; it is interrupted with the query of that thread."""
        cursor, query = self._connection.cursor(), self.threads.query
        try:
            with nullcontext() if query is None else query.track(cursor):
                yield cursor
        finally:
            cursor.close()

    @contextmanager
    def transient(self, rows: pa.Table) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """Open a cursor with a view on rows that are not stored; only this cursor sees it."""
        with self.cursor() as cursor:
            cursor.register("transient_rows", rows)
            yield cursor, "transient_rows"

    # --- drafts -----------------------------------------------------------------------------------

    def begin(self, snapshot_id: str) -> None:
        """Create an empty draft, to be published or abandoned.

        Raises:
            InternalError: there is no space for it, or the directory cannot be written.
        """
        with self._building(snapshot_id) as cursor:
            catalog = self._draft(snapshot_id)
            if self._files is None:
                cursor.execute(f"ATTACH ':memory:' AS {catalog} (COMPRESS)")
            else:
                cursor.execute(f"ATTACH {literal(self._files.draft(snapshot_id))} AS {catalog}")
            RowTable(cursor, catalog, self.layout).create()

    def append(self, snapshot_id: str, rows: pa.Table, start: int) -> None:
        """Append rows to a draft that has `start` rows; they are readable when this returns.

        Raises:
            InternalError: as `begin`.
        """
        with self._building(snapshot_id) as cursor, self._measured(snapshot_id, cursor):
            RowTable(cursor, self._draft(snapshot_id), self.layout).append(rows, start)

    def replace(self, snapshot_id: str, rows: pa.Table) -> None:
        """Replace rows of a draft by newer versions, in their positions.

        Raises:
            InternalError: as `begin`.
        """
        with self._building(snapshot_id) as cursor, self._measured(snapshot_id, cursor):
            RowTable(cursor, self._draft(snapshot_id), self.layout).replace(rows)

    def apply_changes(self, snapshot_id: str, base: str, rows: pa.Table, gone: pa.Array) -> bool:
        """Create a draft of a snapshot's rows with changes applied; return False if none differ.

        Raises:
            InternalError: as `begin`.
        """
        with self._building(snapshot_id) as cursor:
            old = RowTable(cursor, _catalog(base), self.layout)
            changed = old.new_among(rows)
            if not changed.num_rows and not old.known(gone):
                return False
            self.begin(snapshot_id)
            draft = RowTable(cursor, self._draft(snapshot_id), self.layout)
            touched = pa.concat_arrays(
                [changed.column(self.layout.key).combine_chunks(), gone.cast(pa.string())]
            )
            with self._measured(snapshot_id, cursor):
                draft.append(changed, 0)
                draft.append_rest(_catalog(base), touched, changed.num_rows)
            return True

    def known(self, snapshot_id: str, keys: pa.Array) -> int:
        """Return how many of these distinct keys a snapshot has."""
        with self.cursor() as cursor:
            return RowTable(cursor, _catalog(snapshot_id), self.layout).known(keys)

    def publish(self, stored: StoredTable) -> StoredTable:
        """Make the draft an immutable snapshot; return it with its number of rows and its size.

        With a directory, it is on disk when this returns, and the draft remains for its readers
        until `abandon`.

        Raises:
            InternalError: as `begin`.
        """
        with self._building(stored.id) as cursor:
            draft = self._draft(stored.id)
            table = RowTable(cursor, draft, self.layout)
            table.put_in_order()
            final = replace(stored, rows=table.count())
            if self._files is None:
                return self._compress(cursor, draft, final)
            _insert_facts(cursor, draft, final)
            if _checkpoint(cursor, draft):
                shutil.copyfile(self._files.draft(stored.id), self._files.copy(stored.id))
            else:
                self._copy_rows(cursor, final, self._files)
            self._files.publish(stored.id)
            return self._attach(stored.id, self._files, check=False)

    def _copy_rows(
        self, cursor: duckdb.DuckDBPyConnection, final: StoredTable, files: SnapshotFiles
    ) -> None:
        """Copy a draft row by row: slower, but possible while a reader blocks its checkpoint."""
        copy = f"copy_{final.id}"
        cursor.execute(f"ATTACH {literal(files.copy(final.id))} AS {copy}")
        try:
            cursor.execute(f"CREATE TABLE {copy}.rows AS FROM {self._draft(final.id)}.rows")
            _insert_facts(cursor, copy, final)
            cursor.execute(f"CHECKPOINT {copy}")
        finally:
            cursor.execute(f"DETACH {copy}")

    def abandon(self, snapshot_id: str) -> None:
        """Drop a draft without readers. In memory, a published draft is the snapshot and stays."""
        if snapshot_id not in self._snapshot_bytes:
            self._drop(self._draft(snapshot_id))
            self._draft_bytes.pop(snapshot_id, None)
        if self._files is not None:
            self._files.discard(snapshot_id)

    def _compress(
        self, cursor: duckdb.DuckDBPyConnection, catalog: str, final: StoredTable
    ) -> StoredTable:
        """Compress one snapshot at a time, so that the growth of DuckDB's memory is its size."""
        with self._memory_lock:
            _checkpoint(cursor, catalog)
            self._draft_bytes.pop(final.id, None)
            derived = sum(map(self.derived_bytes, self._derived))
            others = sum(self._snapshot_bytes.values()) + sum(self._draft_bytes.values()) + derived
            self._snapshot_bytes[final.id] = max(0, memory_in_tables(cursor) - others)
        return replace(final, bytes=self._snapshot_bytes[final.id])

    @contextmanager
    def _measured(self, snapshot_id: str, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Measure the memory that a change to a draft takes, one change at a time."""
        if self._files is not None:
            yield
            return
        with self._memory_lock:
            before = memory_in_tables(cursor)
            yield
            grown = memory_in_tables(cursor) - before
            self._draft_bytes[snapshot_id] = self._draft_bytes.get(snapshot_id, 0) + grown

    @contextmanager
    def _building(self, snapshot_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a cursor, and turn its errors into those that callers of `begin` expect."""
        try:
            with self.cursor() as cursor:
                yield cursor
        except duckdb.InterruptException as error:
            raise QueryTimeout from error
        except (duckdb.Error, OSError, ValueError) as error:
            self._observer.warn(f"snapshot {snapshot_id} cannot be stored: {error}")
            kind = InsufficientStorage if isinstance(error, _NO_SPACE) else InternalError
            raise kind(
                "the gateway cannot store the extract that this request needs: its memory or its"
                " data directory is full or cannot be written; its log says which"
            ) from error

    def _draft(self, snapshot_id: str) -> str:
        return _catalog(snapshot_id) if self._files is None else f"draft_{snapshot_id}"

    # --- derived tables ---------------------------------------------------------------------------

    def derived(self, snapshot_id: str, name: str, select: Callable[[], Statement]) -> str:
        """Return the SQL name of an in-memory table made from a snapshot; create it on first use.

        `select` returns the SELECT over the snapshot's rows, and its parameters. The table lives as
        long as the snapshot, which the caller holds.

        Raises:
            InternalError: there is no space for it.
        """
        table = f'memory.main."{snapshot_id}_{name}"'
        if name in self._derived.get(snapshot_id, ()):
            return table
        in_memory = self._files is None  # where the sizes of drafts are measured as well
        with (
            self._memory_lock if in_memory else self._table_lock(table),
            self._building(snapshot_id) as cursor,
        ):
            made = self._derived.setdefault(snapshot_id, {})
            if name not in made:
                text, parameters = select()
                before = memory_in_tables(cursor)
                cursor.execute(f"CREATE TABLE {table} AS {text}", parameters)
                made[name] = max(0, memory_in_tables(cursor) - before)
        return table

    def _table_lock(self, table: str) -> Lock:
        """Return a table's lock: one caller creates the table, and others wait for it."""
        return self._table_locks[hash(table) % len(self._table_locks)]

    def derived_bytes(self, snapshot_id: str) -> int:
        """Return the memory that the tables derived from a snapshot take."""
        return sum(self._derived.get(snapshot_id, {}).values())

    def _drop_derived(self, snapshot_id: str) -> None:
        with self._memory_lock, self.cursor() as cursor:
            for name in self._derived.pop(snapshot_id, {}):
                cursor.execute(f'DROP TABLE IF EXISTS memory.main."{snapshot_id}_{name}"')

    # --- finished tables --------------------------------------------------------------------------

    def drop(self, snapshot_id: str) -> None:
        """Drop a snapshot without readers, its file, and the tables derived from it."""
        self._drop_derived(snapshot_id)
        self._drop(_catalog(snapshot_id))
        self._snapshot_bytes.pop(snapshot_id, None)
        if self._files is not None:
            self._files.remove(snapshot_id)

    def _drop(self, catalog: str) -> None:
        try:
            with self._memory_lock, self.cursor() as cursor:
                cursor.execute(f"DETACH DATABASE IF EXISTS {catalog}")
        except duckdb.Error as error:  # the next start finds a file that stays
            self._observer.debug(f"{catalog} cannot be dropped: {error}")

    def remove_leftovers(self, now: datetime) -> None:
        """Remove unfinished files of processes that ended."""
        if self._files is not None:
            self._files.remove_leftovers(now)

    def recover(self) -> list[StoredTable]:
        """Attach the files that an earlier process left; set unusable ones aside."""
        if self._files is None:
            return []
        adopted = (self.adopt(snapshot_id) for snapshot_id in self._files.found())
        return [table for table in adopted if table is not None]

    def adopt(self, snapshot_id: str) -> StoredTable | None:
        """Attach a snapshot's file; set it aside if it is unusable."""
        if self._files is None:
            return None
        try:
            return self._attach(snapshot_id, self._files, check=True)
        except (duckdb.Error, OSError, ValueError, KeyError) as error:
            self._files.set_aside(snapshot_id, str(error))
            return None

    def _attach(self, snapshot_id: str, files: SnapshotFiles, *, check: bool) -> StoredTable:
        catalog, path = _catalog(snapshot_id), files.path(snapshot_id)
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH {literal(path)} AS {catalog} (READ_ONLY)")
            try:
                found = cursor.execute(f"SELECT facts FROM {catalog}.about").fetchone()  # noqa: S608 - as above
                stored = read_facts(snapshot_id, found[0] if found else "", path.stat().st_size)
                table = RowTable(cursor, catalog, self.layout)
                (table.check if check else table.check_count)(stored.rows)
            except BaseException:
                cursor.execute(f"DETACH {catalog}")
                raise
        return stored


def _insert_facts(cursor: duckdb.DuckDBPyConnection, catalog: str, final: StoredTable) -> None:
    cursor.execute(f"CREATE TABLE {catalog}.about (facts VARCHAR)")
    cursor.execute(f"INSERT INTO {catalog}.about VALUES (?)", (write_facts(final),))  # noqa: S608 - ids are made here


def _checkpoint(cursor: duckdb.DuckDBPyConnection, catalog: str) -> bool:
    """Compress a database and write it to disk; return False if readers keep blocking that."""
    for _ in range(_MAX_CHECKPOINT_ATTEMPTS):
        try:
            cursor.execute(f"CHECKPOINT {catalog}")
        except duckdb.TransactionException:
            time.sleep(_RETRY_SECONDS)
        else:
            return True
    return False


def _catalog(snapshot_id: str) -> str:
    return f"snapshot_{snapshot_id}"
