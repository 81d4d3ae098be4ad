"""Tables in DuckDB: filled from an extract, then immutable, read by many requests, dropped whole.

Each table is a database of its own, compressed. Without a data directory it lives in memory. With
one it grows in a file aside, of which a copy is put in its place and attached read-only; that is
found again after a restart, when it is read once to the end: a file that cannot be used is renamed
to `*.unusable`, never served. All methods block: call them from a worker thread.
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
from gateway.snapshots.query_threads import Threads

Question: TypeAlias = tuple[str, Sequence[object]]
_TURNS = 16
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.02
_CLOSING_ATTEMPTS = 500
_OF_ROOM = (
    duckdb.OutOfMemoryException,
    duckdb.IOException,
    duckdb.TransactionException,  # what DuckDB makes of a write that fails at its commit
    OSError,
)

__all__ = ["SnapshotKey", "SnapshotStore", "StoredTable", "TableLayout"]


class SnapshotStore:
    """Keeps the tables; thread-safe, because every use goes through a cursor of its own.

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
        self.threads = Threads()
        self._files = None if directory is None else SnapshotFiles(directory, observer)
        self._observer = observer
        within, aside = (
            (self._files.directory, self._files.building) if self._files else (None,) * 2
        )
        self._connection = open_database(within, aside, bounds or Bounds())
        self._memory = Lock()
        self._sizes: dict[str, int] = {}
        self._drafts: dict[str, int] = {}
        self._derived: dict[str, dict[str, int]] = {}
        self._turns = tuple(Lock() for _ in range(_TURNS))

    def close(self) -> None:
        """Let go of memory and files, as soon as what still runs in other threads is over.

        What does not end in time ends with the process.
        """
        for _ in range(_CLOSING_ATTEMPTS):
            try:
                self._connection.close()
            except duckdb.OperationalError:  # a query of somebody who has left
                time.sleep(_PAUSE_SECONDS)
            else:
                return
        self._observer.warn("a query still runs while the snapshots are closed")

    def table_name(self, snapshot_id: str) -> str:
        """The qualified SQL name; ids are hexadecimal and made here."""
        return f"{_catalog(snapshot_id)}.rows"

    def path(self, snapshot_id: str) -> Path | None:
        """Where its file is, or would be; None in memory."""
        return None if self._files is None else self._files.path(snapshot_id)

    def draft_name(self, snapshot_id: str) -> str:
        """The same for a table that is not published yet."""
        return f"{self._draft(snapshot_id)}.rows"

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one thread, which ends with the question that the thread works for."""
        cursor, asked = self._connection.cursor(), self.threads.asked
        try:
            with nullcontext() if asked is None else asked.using(cursor):
                yield cursor
        finally:
            cursor.close()

    @contextmanager
    def transient(self, rows: pa.Table) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A cursor and the name of a view on rows that are not kept; only this cursor sees it."""
        with self.cursor() as cursor:
            cursor.register("transient_rows", rows)
            yield cursor, "transient_rows"

    # --- making a table ---------------------------------------------------------------------------

    def begin(self, snapshot_id: str) -> None:
        """An empty draft, to be published or abandoned.

        Raises:
            InternalError: there is no room for it, or the directory cannot be written.
        """
        with self._making(snapshot_id) as cursor:
            catalog = self._draft(snapshot_id)
            if self._files is None:
                cursor.execute(f"ATTACH ':memory:' AS {catalog} (COMPRESS)")
            else:
                cursor.execute(f"ATTACH {literal(self._files.draft(snapshot_id))} AS {catalog}")
            RowTable(cursor, catalog, self.layout).create()

    def append(self, snapshot_id: str, rows: pa.Table, start: int) -> None:
        """Rows at the end of a draft that has `start` rows; readable when this returns.

        Raises:
            InternalError: as `begin`.
        """
        with self._making(snapshot_id) as cursor, self._weighed(snapshot_id, cursor):
            RowTable(cursor, self._draft(snapshot_id), self.layout).append(rows, start)

    def replace(self, snapshot_id: str, rows: pa.Table) -> None:
        """Newer versions of rows that a draft has, in their places.

        Raises:
            InternalError: as `begin`.
        """
        with self._making(snapshot_id) as cursor, self._weighed(snapshot_id, cursor):
            RowTable(cursor, self._draft(snapshot_id), self.layout).replace(rows)

    def amend(self, snapshot_id: str, base: str, rows: pa.Table, gone: pa.Array) -> bool:
        """A draft of a snapshot's rows as changes make them; False, and none, without changes.

        Raises:
            InternalError: as `begin`.
        """
        with self._making(snapshot_id) as cursor:
            old = RowTable(cursor, _catalog(base), self.layout)
            changed = old.new_among(rows)
            if not changed.num_rows and not old.known(gone):
                return False
            self.begin(snapshot_id)
            draft = RowTable(cursor, self._draft(snapshot_id), self.layout)
            touched = pa.concat_arrays(
                [changed.column(self.layout.key).combine_chunks(), gone.cast(pa.string())]
            )
            with self._weighed(snapshot_id, cursor):
                draft.append(changed, 0)
                draft.append_rest(_catalog(base), touched, changed.num_rows)
            return True

    def known(self, snapshot_id: str, keys: pa.Array) -> int:
        """How many of these keys, each given once, a snapshot has."""
        with self.cursor() as cursor:
            return RowTable(cursor, _catalog(snapshot_id), self.layout).known(keys)

    def publish(self, stored: StoredTable) -> StoredTable:
        """Make the draft a snapshot, which never changes again; tells its rows and size.

        With a directory it is on disk when this returns, and the draft remains for its readers
        until `abandon`.

        Raises:
            InternalError: as `begin`.
        """
        with self._making(stored.id) as cursor:
            draft = self._draft(stored.id)
            table = RowTable(cursor, draft, self.layout)
            table.put_in_order()
            told = replace(stored, rows=table.count())
            if self._files is None:
                return self._compress(cursor, draft, told)
            _tell_facts(cursor, draft, told)
            if _checkpoint(cursor, draft):
                shutil.copyfile(self._files.draft(stored.id), self._files.copy(stored.id))
            else:
                self._copy_rows(cursor, told, self._files)
            self._files.publish(stored.id)
            return self._attach(stored.id, self._files, check=False)

    def _copy_rows(
        self, cursor: duckdb.DuckDBPyConnection, told: StoredTable, files: SnapshotFiles
    ) -> None:
        """For a draft whose file is not whole, because somebody reads it: slower, but now."""
        copy = f"copy_{told.id}"
        cursor.execute(f"ATTACH {literal(files.copy(told.id))} AS {copy}")
        try:
            cursor.execute(f"CREATE TABLE {copy}.rows AS FROM {self._draft(told.id)}.rows")
            _tell_facts(cursor, copy, told)
            cursor.execute(f"CHECKPOINT {copy}")
        finally:
            cursor.execute(f"DETACH {copy}")

    def abandon(self, snapshot_id: str) -> None:
        """Drop a draft; nobody may be reading it. In memory, a published one is the snapshot."""
        if snapshot_id not in self._sizes:
            self._drop(self._draft(snapshot_id))
            self._drafts.pop(snapshot_id, None)
        if self._files is not None:
            self._files.discard(snapshot_id)

    def _compress(
        self, cursor: duckdb.DuckDBPyConnection, catalog: str, told: StoredTable
    ) -> StoredTable:
        """One at a time, so that DuckDB's count of its memory tells the size of this one."""
        with self._memory:
            _checkpoint(cursor, catalog)
            self._drafts.pop(told.id, None)
            derived = sum(map(self.derived_bytes, self._derived))
            others = sum(self._sizes.values()) + sum(self._drafts.values()) + derived
            self._sizes[told.id] = max(0, memory_in_tables(cursor) - others)
        return replace(told, bytes=self._sizes[told.id])

    @contextmanager
    def _weighed(self, snapshot_id: str, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """In memory, one change at a time, so that what each draft takes is known."""
        if self._files is not None:
            yield
            return
        with self._memory:
            before = memory_in_tables(cursor)
            yield
            grown = memory_in_tables(cursor) - before
            self._drafts[snapshot_id] = self._drafts.get(snapshot_id, 0) + grown

    @contextmanager
    def _making(self, snapshot_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor, and one way to say that there is no room."""
        try:
            with self.cursor() as cursor:
                yield cursor
        except duckdb.InterruptException as error:
            raise QueryTimeout from error
        except (duckdb.Error, OSError, ValueError) as error:
            self._observer.warn(f"snapshot {snapshot_id} cannot be kept: {error}")
            kind = InsufficientStorage if isinstance(error, _OF_ROOM) else InternalError
            raise kind(
                "the gateway cannot keep the extract that this answer needs: its memory or its data"
                " directory is full or cannot be written; its log says which"
            ) from error

    def _draft(self, snapshot_id: str) -> str:
        return _catalog(snapshot_id) if self._files is None else f"draft_{snapshot_id}"

    # --- what is made of it -----------------------------------------------------------------------

    def derived(self, snapshot_id: str, name: str, question: Callable[[], Question]) -> str:
        """The SQL name of a table in memory that is made of a snapshot's rows when first asked for.

        `question` is the SELECT over them, and its parameters. The table lives as long as the
        snapshot, which the caller holds.

        Raises:
            InternalError: there is no room for it.
        """
        table = f'memory.main."{snapshot_id}_{name}"'
        if name in self._derived.get(snapshot_id, ()):
            return table
        in_memory = self._files is None  # where the sizes of drafts are measured, too
        with self._memory if in_memory else self._turn(table), self._making(snapshot_id) as cursor:
            made = self._derived.setdefault(snapshot_id, {})
            if name not in made:
                text, parameters = question()
                before = memory_in_tables(cursor)
                cursor.execute(f"CREATE TABLE {table} AS {text}", parameters)
                made[name] = max(0, memory_in_tables(cursor) - before)
        return table

    def _turn(self, table: str) -> Lock:
        """One makes a table, who wants it too waits; others make others meanwhile."""
        return self._turns[hash(table) % len(self._turns)]

    def derived_bytes(self, snapshot_id: str) -> int:
        """What the tables made of a snapshot take in memory."""
        return sum(self._derived.get(snapshot_id, {}).values())

    def _drop_derived(self, snapshot_id: str) -> None:
        with self._memory, self.cursor() as cursor:
            for name in self._derived.pop(snapshot_id, {}):
                cursor.execute(f'DROP TABLE IF EXISTS memory.main."{snapshot_id}_{name}"')

    # --- keeping it -------------------------------------------------------------------------------

    def drop(self, snapshot_id: str) -> None:
        """Forget the table, its file and what was made of it; nobody may be reading it."""
        self._drop_derived(snapshot_id)
        self._drop(_catalog(snapshot_id))
        self._sizes.pop(snapshot_id, None)
        if self._files is not None:
            self._files.remove(snapshot_id)

    def _drop(self, catalog: str) -> None:
        try:
            with self._memory, self.cursor() as cursor:
                cursor.execute(f"DETACH DATABASE IF EXISTS {catalog}")
        except duckdb.Error as error:  # a file that stays is found by the next start
            self._observer.debug(f"{catalog} cannot be dropped: {error}")

    def remove_leftovers(self, now: datetime) -> None:
        """Remove what processes that ended have left unfinished."""
        if self._files is not None:
            self._files.remove_leftovers(now)

    def recover(self) -> list[StoredTable]:
        """Attach what an earlier process left; set aside what cannot be used."""
        if self._files is None:
            return []
        adopted = (self.adopt(snapshot_id) for snapshot_id in self._files.found())
        return [table for table in adopted if table is not None]

    def adopt(self, snapshot_id: str) -> StoredTable | None:
        """Attach a file that is in its place; set it aside when it cannot be used."""
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


def _tell_facts(cursor: duckdb.DuckDBPyConnection, catalog: str, told: StoredTable) -> None:
    cursor.execute(f"CREATE TABLE {catalog}.about (facts VARCHAR)")
    cursor.execute(f"INSERT INTO {catalog}.about VALUES (?)", (write_facts(told),))  # noqa: S608 - ids are made here


def _checkpoint(cursor: duckdb.DuckDBPyConnection, catalog: str) -> bool:
    """Compress a database, and write it out whole; False while others are in the middle of it."""
    for _ in range(_ATTEMPTS):
        try:
            cursor.execute(f"CHECKPOINT {catalog}")
        except duckdb.TransactionException:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def _catalog(snapshot_id: str) -> str:
    return f"snapshot_{snapshot_id}"
