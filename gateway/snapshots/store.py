"""Immutable tables in DuckDB: made once from an extract, read by many requests, dropped whole.

Without a data directory a table lives in memory. With one, each snapshot is a file of its own that
is written once, attached read-only and found again after a restart; a file that cannot be used
is renamed to `*.unusable`, never served. All methods block: call them from a worker thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import duckdb
import pyarrow as pa

from gateway.observe import Observer

_FORMAT = 1
_ABANDONED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How rows are laid out: sorted by `order_by` (SQL, total), numbered in `position`."""

    order_by: str
    position: str


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that will not change. `taken_at` is when the extract began, aware, UTC."""

    id: str
    key: str
    taken_at: datetime
    rows: int
    bytes: int


class SnapshotStore:
    """Keeps the tables; thread-safe, because every use goes through a cursor of its own."""

    def __init__(self, layout: TableLayout, directory: Path | None, observer: Observer) -> None:
        self._layout = layout
        self._directory = directory
        self._observer = observer
        self._connection = duckdb.connect(":memory:")
        self._lock = Lock()

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()

    def table_name(self, snapshot_id: str) -> str:
        """The qualified SQL name; ids are hexadecimal and made here."""
        return f"{_schema(snapshot_id)}.rows" if self._directory else f"rows_{snapshot_id}"

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
        """A cursor and the name of a view on rows that are not kept."""
        with self.cursor() as cursor:
            cursor.register("transient_rows", rows)
            yield cursor, "transient_rows"

    def add(self, snapshot_id: str, key: str, taken_at: datetime, rows: pa.Table) -> StoredTable:
        """Make the table; when this returns, it is complete and, with a directory, on disk."""
        stored = StoredTable(snapshot_id, key, taken_at, rows.num_rows, rows.nbytes)
        if self._directory is None:
            self._create(f"rows_{snapshot_id}", rows)
            return stored
        building = self._directory / f"{snapshot_id}.building"
        building.unlink(missing_ok=True)
        self._write_file(building, stored, rows)
        building.rename(self._path(snapshot_id))
        return self._attach(snapshot_id)

    def drop(self, snapshot_id: str) -> None:
        """Forget the table and its file; nobody may be reading it."""
        with self._lock, self.cursor() as cursor:
            if self._directory is None:
                cursor.execute(f"DROP TABLE IF EXISTS rows_{snapshot_id}")
                return
            cursor.execute(f"DETACH DATABASE IF EXISTS {_schema(snapshot_id)}")
        self._path(snapshot_id).unlink(missing_ok=True)

    def recover(self, now: datetime) -> list[StoredTable]:
        """Attach what an earlier process left; set aside what cannot be used."""
        found: list[StoredTable] = []
        if self._directory is None:
            return found
        for leftover in self._directory.glob("*.building*"):
            if now.timestamp() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                leftover.unlink()
        for path in sorted(self._directory.glob("*.duckdb")):
            try:
                found.append(self._attach(path.stem))
            except (duckdb.Error, ValueError, KeyError) as error:
                aside = path.rename(path.with_suffix(".unusable"))
                self._observer.warn(
                    f"{path.name} cannot be used, set aside as {aside.name}: {error}"
                )
        return found

    def _path(self, snapshot_id: str) -> Path:
        assert self._directory is not None  # noqa: S101 - callers have looked
        return self._directory / f"{snapshot_id}.duckdb"

    def _create(self, name: str, rows: pa.Table) -> None:
        layout = self._layout
        with self._lock, self.transient(rows) as (cursor, source):
            cursor.execute(
                f"CREATE TABLE {name} AS SELECT *,"  # noqa: S608 - names are made here
                f" (row_number() OVER (ORDER BY {layout.order_by})) - 1 AS {layout.position}"
                f" FROM {source} ORDER BY {layout.position}"
            )

    def _write_file(self, path: Path, stored: StoredTable, rows: pa.Table) -> None:
        catalog = f"build_{stored.id}"
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH '{_literal(path)}' AS {catalog}")
        try:
            self._create(f"{catalog}.rows", rows)
            with self.cursor() as cursor:
                cursor.execute(f"CREATE TABLE {catalog}.about (facts VARCHAR)")
                cursor.execute(f"INSERT INTO {catalog}.about VALUES (?)", (_facts(stored),))  # noqa: S608
        finally:
            with self.cursor() as cursor:
                cursor.execute(f"DETACH {catalog}")

    def _attach(self, snapshot_id: str) -> StoredTable:
        path = self._path(snapshot_id)
        int(snapshot_id, 16)  # a foreign file's name never reaches SQL
        with self._lock, self.cursor() as cursor:
            name = _schema(snapshot_id)
            cursor.execute(f"ATTACH '{_literal(path)}' AS {name} (READ_ONLY)")
            try:
                found = cursor.execute(f"SELECT facts FROM {name}.about").fetchone()  # noqa: S608
                return _stored(snapshot_id, json.loads(found[0] if found else "{}"), path)
            except Exception:
                cursor.execute(f"DETACH {name}")
                raise


def _schema(snapshot_id: str) -> str:
    return f"snapshot_{snapshot_id}"


def _literal(path: Path) -> str:
    """ATTACH takes no parameters; the directory is the operator's own."""
    return str(path).replace("'", "''")


def _facts(stored: StoredTable) -> str:
    taken = stored.taken_at.isoformat()
    facts = {"format": _FORMAT, "key": stored.key, "taken_at": taken, "rows": stored.rows}
    return json.dumps(facts)


def _stored(snapshot_id: str, facts: dict[str, object], path: Path) -> StoredTable:
    if facts["format"] != _FORMAT:
        raise ValueError(f"its format is {facts['format']}, this gateway reads {_FORMAT}")
    taken_at = datetime.fromisoformat(str(facts["taken_at"])).astimezone(UTC)
    rows = int(str(facts["rows"]))
    return StoredTable(snapshot_id, str(facts["key"]), taken_at, rows, path.stat().st_size)
