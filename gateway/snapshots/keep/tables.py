"""The one table of a snapshot's database, in SQL: rows numbered by their position in the feed.

The gateway makes the catalog names, the contract gives the column names; no SQL contains values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class TableLayout:
    """Columns: `key` and `order` are in `schema`; `position` and `arrival` number the rows.

    The natural order is by `order`, newest first and null last, then by `key`. In a finished table,
    positions are in that order. Arrivals are in the order in which rows came: nearly the same, and
    unchanged for clients that began to read the draft. An empty `order` leaves the key alone.
    """

    schema: pa.Schema
    key: str
    order: str
    position: str
    arrival: str

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The quoted names of the columns, without position and arrival."""
        return tuple(_quote(name) for name in self.schema.names)


class RowTable:
    """The table `rows` of one catalog, through one thread's cursor."""

    def __init__(self, cursor: DuckDBPyConnection, catalog: str, layout: TableLayout) -> None:
        self._cursor = cursor
        self._name = f"{catalog}.rows"
        self._layout = layout
        self._key = _quote(layout.key)
        self._order = _quote(layout.order) if layout.order else "0"
        self._position, self._arrival = _quote(layout.position), _quote(layout.arrival)

    def create(self) -> None:
        """Create an empty table."""
        with _registered(self._cursor, self._layout.schema.empty_table()) as empty:
            self._cursor.execute(
                f"CREATE TABLE {self._name} AS"
                f" SELECT *, 0::BIGINT AS {self._position}, 0::BIGINT AS {self._arrival}"
                f" FROM {empty} LIMIT 0"
            )

    def append(self, rows: pa.Table, start: int) -> None:
        """Append rows in their order, numbered from `start`."""
        positions = pa.array(range(start, start + rows.num_rows), pa.int64())
        numbered = rows.append_column(self._layout.position, positions)
        numbered = numbered.append_column(self._layout.arrival, positions)
        with _registered(self._cursor, numbered) as found:
            self._cursor.execute(f"INSERT INTO {self._name} SELECT * FROM {found}")

    def replace(self, rows: pa.Table) -> None:
        """Replace the rows that have the same key, unless they are newer."""
        taken = ", ".join(f"{c} = n.{c}" for c in self._layout.columns if c != self._key)
        is_older = f"n.{self._order} < r.{self._order}" if self._layout.order else "false"
        with _registered(self._cursor, rows) as newer:
            self._cursor.execute(
                f"UPDATE {self._name} AS r SET {taken} FROM {newer} AS n WHERE n.{self._key} ="
                f" r.{self._key} AND NOT coalesce({is_older}, false)"
            )

    def known(self, keys: pa.Array) -> int:
        """Return how many of these distinct keys the table has."""
        with _registered(self._cursor, pa.table({"key": keys})) as wanted:
            text = f"SELECT count(*) FROM {self._name} WHERE {self._key} IN (FROM {wanted})"
            [(number,)] = self._cursor.execute(text).fetchall()
        return int(number)

    def new_among(self, rows: pa.Table) -> pa.Table:
        """Return the rows that the table does not have in exactly this form."""
        same = " AND ".join(f"n.{c} IS NOT DISTINCT FROM r.{c}" for c in self._layout.columns)
        with _registered(self._cursor, rows) as found:
            answer = self._cursor.execute(
                f"SELECT n.{self._key} FROM {found} AS n JOIN {self._name} AS r"
                f" ON n.{self._key} = r.{self._key} WHERE {same}"
            )
            known = {key for (key,) in answer.fetchall()}
        keys = rows.column(self._layout.key).to_pylist()
        return rows.filter(pa.array([key not in known for key in keys], pa.bool_()))

    def append_rest(self, base: str, without: pa.Array, start: int) -> None:
        """Append the rows of another catalog, without some keys, numbered from `start`."""
        names = ", ".join(self._layout.columns)
        number = f"{start} - 1 + row_number() OVER ()"
        with _registered(self._cursor, pa.table({"key": without})) as left_out:
            self._cursor.execute(
                f"INSERT INTO {self._name} SELECT {names}, n, n FROM (SELECT {names}, {number} AS n"
                f" FROM {base}.rows WHERE {self._key} NOT IN (SELECT key FROM {left_out}))"
            )

    def count(self) -> int:
        """Return the number of rows."""
        [(number,)] = self._cursor.execute(f"SELECT count(*) FROM {self._name}").fetchall()
        return int(number)

    def put_in_order(self) -> None:
        """Number the rows in the natural order; write only the positions that change."""
        if self._is_in_order():
            return
        self._cursor.execute(
            f"UPDATE {self._name} AS r SET {self._position} = n.place FROM"
            f" (SELECT rowid AS id, row_number() OVER (ORDER BY {self._order} DESC NULLS LAST,"
            f" {self._key}) - 1 AS place FROM {self._name}) AS n"
            f" WHERE r.rowid = n.id AND r.{self._position} <> n.place"
        )

    def _is_in_order(self) -> bool:
        """Return True if the positions follow the natural order; False if an instant is null."""
        [(in_order,)] = self._cursor.execute(
            "SELECT bool_and(coalesce(o0 > o1 OR (o0 = o1 AND k0 < k1), false)) FROM ("
            f"SELECT {self._position} AS place, {self._order} AS o1, {self._key} AS k1,"
            f" lag({self._order}) OVER w AS o0, lag({self._key}) OVER w AS k0"
            f" FROM {self._name} WINDOW w AS (ORDER BY {self._position})) WHERE place > 0"
        ).fetchall()
        return in_order is not False

    def check(self, rows: int) -> None:
        """Read the whole table, so that DuckDB verifies the checksum of each block.

        Raises:
            ValueError: the number of rows is wrong.
        """
        text = f"SELECT count(*), bit_xor(hash(r)) FROM {self._name} AS r"
        self._cursor.execute(text).fetchall()
        self.check_count(rows)

    def check_count(self, rows: int) -> None:
        """Compare the number of rows only.

        Raises:
            ValueError: the number of rows is wrong.
        """
        if self.count() != rows:
            raise ValueError(f"it does not have the {rows} rows that its facts state")


@contextmanager
def _registered(cursor: DuckDBPyConnection, rows: pa.Table) -> Iterator[str]:
    """Make rows readable by this cursor under the yielded name, until the block ends."""
    cursor.register("incoming", rows)
    try:
        yield "incoming"
    finally:
        cursor.unregister("incoming")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
