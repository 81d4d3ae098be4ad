"""Rows of a relation as Arrow tables: row numbers first, then the rows, batch by batch.

A sorted result of any length is held as its row numbers only, eight bytes a row; the rows
themselves are read for each batch. So memory is bounded, and operations that fail on the data fail
before the first batch is read. Blocking, like `gateway.engine.run`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from duckdb import DuckDBPyConnection

from gateway.engine.run import Relation, Selection, execute, window_of
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.transformations import POSITION

_NUMBERS = "chosen_numbers"


def row_numbers(
    relation: Relation, selection: Selection, computed: Sequence[Sql] = ()
) -> pa.ChunkedArray:
    """Return the row numbers of the selected rows of a snapshot's table, in order.

    `computed` is evaluated for all of them here, so that no later batch can fail.

    Raises:
        InvalidValue: see `gateway.engine.run.execute`.
    """
    items = (Sql(f"r.{quote(POSITION.name)} AS n"), *(fill("hash({0})", c) for c in computed))
    columns = Sql(", ".join(item.text for item in items), parameters(items))
    return execute(relation, window_of(relation, selection, columns), as_arrow).column("n")


def rows_at(relation: Relation, numbers: pa.ChunkedArray, columns: Sql) -> pa.Table:
    """Return the rows with these numbers, in their order; `columns` are over the alias `r`."""
    places = pa.array(range(len(numbers)), pa.int64())
    chosen = pa.table({"n": numbers, "place": places})
    relation.cursor.register(_NUMBERS, chosen)
    text = (
        f"SELECT {columns.text} FROM {_NUMBERS} AS c"  # noqa: S608 - no value is spliced
        f" JOIN {relation.name} AS r ON r.{quote(POSITION.name)} = c.n ORDER BY c.place"
    )
    return execute(relation, Sql(text, columns.parameters), as_arrow)


def all_rows(relation: Relation, selection: Selection, columns: Sql) -> pa.Table:
    """Return all selected rows at once: for small results, and for rows that $apply makes."""
    return execute(relation, window_of(relation, selection, columns), as_arrow)


def as_arrow(cursor: DuckDBPyConnection, statement: Sql) -> pa.Table:
    """Return the result as a table; DuckDB would copy the rows again after `cursor.execute`."""
    return cursor.sql(statement.text, params=statement.parameters).to_arrow_table()
