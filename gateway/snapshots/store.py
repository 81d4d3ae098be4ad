"""Immutable tables in DuckDB: made once from an extract, read by many requests, dropped whole.

Each table is a database of its own, compressed. Without a data directory it lives in memory. With
one it is a file that is written aside, attached read-only, and found again after a restart, when
it is read once to the end: a file that cannot be used is renamed to `*.unusable`, never served.
All methods block: call them from a worker thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import duckdb
import pyarrow as pa

from gateway.errors import InternalError
from gateway.observe import Observer
from gateway.planner.pushdown import Pushdown
from gateway.planner.pushdown_text import from_text, to_text
from gateway.snapshots.database import literal, memory_in_tables, open_database
from gateway.snapshots.files import SnapshotFiles

_FORMAT = 3


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How rows are laid out: sorted by `order_by` (SQL, total), numbered in `position`."""

    order_by: str
    position: str


@dataclass(frozen=True, slots=True)
class SnapshotKey:
    """Whose rows, and which: `scope` stands for workspace and contract (law 5)."""

    scope: str
    pushdown: Pushdown


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that will not change. `taken_at` is when the extract began, aware, UTC."""

    id: str
    key: SnapshotKey
    taken_at: datetime
    rows: int
    bytes: int


class SnapshotStore:
    """Keeps the tables; thread-safe, because every use goes through a cursor of its own.

    Raises:
        ConfigurationProblem: the directory cannot be made or written.
    """

    def __init__(self, layout: TableLayout, directory: Path | None, observer: Observer) -> None:
        self._layout = layout
        self._files = None if directory is None else SnapshotFiles(directory, observer)
        self._observer = observer
        places = (self._files.directory, self._files.building) if self._files else (None, None)
        self._connection = open_database(*places)
        self._memory = Lock()

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()

    def table_name(self, snapshot_id: str) -> str:
        """The qualified SQL name; ids are hexadecimal and made here."""
        return f"{_catalog(snapshot_id)}.rows"

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one thread."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def transient(self, rows: pa.Table) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A cursor and the name of a view on rows that are not kept; only this cursor sees it."""
        with self.cursor() as cursor:
            cursor.register("transient_rows", rows)
            yield cursor, "transient_rows"

    def add(
        self, snapshot_id: str, key: SnapshotKey, taken_at: datetime, rows: pa.Table
    ) -> StoredTable:
        """Make the table; when this returns, it is complete and, with a directory, on disk.

        Raises:
            InternalError: there is no room for it, or the directory cannot be written.
        """
        stored = StoredTable(snapshot_id, key, taken_at, rows.num_rows, 0)
        try:
            if self._files is None:
                return self._add_in_memory(stored, rows)
            return self._add_file(stored, rows, self._files)
        except (duckdb.Error, OSError) as error:
            self._observer.warn(f"snapshot {snapshot_id} cannot be kept: {error}")
            raise InternalError(
                "the gateway cannot keep the extract that this answer needs: its memory or its data"
                " directory is full or cannot be written; its log says which"
            ) from error

    def drop(self, snapshot_id: str) -> None:
        """Forget the table and its file; nobody may be reading it."""
        try:
            with self._memory, self.cursor() as cursor:
                cursor.execute(f"DETACH DATABASE IF EXISTS {_catalog(snapshot_id)}")
            if self._files is not None:
                self._files.path(snapshot_id).unlink(missing_ok=True)
        except (duckdb.Error, OSError) as error:  # a file that stays is found by the next start
            self._observer.warn(f"snapshot {snapshot_id} cannot be dropped: {error}")

    def recover(self, now: datetime) -> list[StoredTable]:
        """Attach what an earlier process left; set aside what cannot be used."""
        found: list[StoredTable] = []
        if self._files is None:
            return found
        self._files.remove_leftovers(now)
        for snapshot_id in self._files.found():
            try:
                found.append(self._attach(snapshot_id, self._files, check=True))
            except (duckdb.Error, OSError, ValueError, KeyError) as error:
                self._files.set_aside(snapshot_id, str(error))
        return found

    def _add_in_memory(self, stored: StoredTable, rows: pa.Table) -> StoredTable:
        """One at a time, so that DuckDB's count of its memory tells the size of this one."""
        catalog = _catalog(stored.id)
        with self._memory, self.cursor() as cursor:
            before = memory_in_tables(cursor)
            cursor.execute(f"ATTACH ':memory:' AS {catalog} (COMPRESS)")
            try:
                self._create(cursor, catalog, rows)
                cursor.execute(f"CHECKPOINT {catalog}")  # compresses
            except duckdb.Error:
                cursor.execute(f"DETACH {catalog}")
                raise
            return replace(stored, bytes=max(0, memory_in_tables(cursor) - before))

    def _add_file(self, stored: StoredTable, rows: pa.Table, files: SnapshotFiles) -> StoredTable:
        try:
            self._write(stored, rows, files.draft(stored.id))
            files.publish(stored.id)
        except BaseException:
            files.discard(stored.id)
            raise
        return self._attach(stored.id, files, check=False)

    def _write(self, stored: StoredTable, rows: pa.Table, draft: Path) -> None:
        catalog = f"draft_{stored.id}"
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH {literal(draft)} AS {catalog}")
            try:
                self._create(cursor, catalog, rows)
                cursor.execute(f"CREATE TABLE {catalog}.about (facts VARCHAR)")
                cursor.execute(f"INSERT INTO {catalog}.about VALUES (?)", (_facts(stored),))  # noqa: S608 - ids are made here
            finally:
                cursor.execute(f"DETACH {catalog}")

    def _create(self, cursor: duckdb.DuckDBPyConnection, catalog: str, rows: pa.Table) -> None:
        """Numbering what is sorted already needs half the memory of a window with an order."""
        layout = self._layout
        cursor.register("extract", rows)
        cursor.execute(
            f"CREATE TABLE {catalog}.rows AS SELECT *,"  # noqa: S608 - names are made here
            f" (row_number() OVER ()) - 1 AS {layout.position}"
            f" FROM (SELECT * FROM extract ORDER BY {layout.order_by})"
        )
        cursor.unregister("extract")

    def _attach(self, snapshot_id: str, files: SnapshotFiles, *, check: bool) -> StoredTable:
        catalog, path = _catalog(snapshot_id), files.path(snapshot_id)
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH {literal(path)} AS {catalog} (READ_ONLY)")
            try:
                found = cursor.execute(f"SELECT facts FROM {catalog}.about").fetchone()  # noqa: S608 - as above
                stored = _stored(snapshot_id, found[0] if found else "", path.stat().st_size)
                if check:
                    _check_rows(cursor, catalog, stored.rows)
            except BaseException:
                cursor.execute(f"DETACH {catalog}")
                raise
        return stored


def _catalog(snapshot_id: str) -> str:
    return f"snapshot_{snapshot_id}"


def _check_rows(cursor: duckdb.DuckDBPyConnection, catalog: str, rows: int) -> None:
    """Read all of it: DuckDB compares each block with its checksum when it is read."""
    text = f"SELECT count(*), bit_xor(hash(r)) FROM {catalog}.rows AS r"  # noqa: S608 - as above
    found = cursor.execute(text).fetchone()
    if found is None or found[0] != rows:
        raise ValueError(f"it does not have the {rows} rows that it says")


def _facts(stored: StoredTable) -> str:
    taken = stored.taken_at.isoformat()
    key = {"scope": stored.key.scope, "pushdown": to_text(stored.key.pushdown)}
    return json.dumps({"format": _FORMAT, **key, "taken_at": taken, "rows": stored.rows})


def _stored(snapshot_id: str, text: str, size: int) -> StoredTable:
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT}, the one that this gateway reads")
    taken_at = datetime.fromisoformat(str(facts["taken_at"])).astimezone(UTC)
    key = SnapshotKey(str(facts["scope"]), from_text(str(facts["pushdown"])))
    return StoredTable(snapshot_id, key, taken_at, int(str(facts["rows"])), size)
