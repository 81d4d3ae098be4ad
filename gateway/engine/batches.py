"""Rows of a relation as Arrow tables: which rows first, then those rows, some at a time.

A sorted answer of any length is held as its row numbers only, eight bytes a row; the rows
themselves are read for each part. So memory is bounded, and what fails on the data fails before
the first part is read. Blocking, like `gateway.engine.run`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from duckdb import DuckDBPyConnection

from gateway.engine.run import Relation, Selection, ask, window_of
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.transformations import POSITION

_NUMBERS = "chosen_numbers"


def row_numbers(
    relation: Relation, selection: Selection, computed: Sequence[Sql] = ()
) -> pa.ChunkedArray:
    """The row numbers of the selected rows of a snapshot's table, in the selection's order.

    What is `computed` is computed for all of them here, so that nothing fails when it is read.

    Raises:
        InvalidValue: see `gateway.engine.run.ask`.
    """
    items = (Sql(f"r.{quote(POSITION.name)} AS n"), *(fill("hash({0})", c) for c in computed))
    columns = Sql(", ".join(item.text for item in items), parameters(items))
    return ask(relation, window_of(relation, selection, columns), as_arrow).column("n")


def rows_at(relation: Relation, numbers: pa.ChunkedArray, columns: Sql) -> pa.Table:
    """The rows with these numbers, in their order; `columns` as over the alias `r`."""
    places = pa.array(range(len(numbers)), pa.int64())
    chosen = pa.table({"n": numbers, "place": places})
    relation.cursor.register(_NUMBERS, chosen)
    text = (
        f"SELECT {columns.text} FROM {_NUMBERS} AS c"  # noqa: S608 - no value is spliced
        f" JOIN {relation.name} AS r ON r.{quote(POSITION.name)} = c.n ORDER BY c.place"
    )
    return ask(relation, Sql(text, columns.parameters), as_arrow)


def all_rows(relation: Relation, selection: Selection, columns: Sql) -> pa.Table:
    """The selected rows, whole: for what is small, or made of rows and no row of a table."""
    return ask(relation, window_of(relation, selection, columns), as_arrow)


def as_arrow(cursor: DuckDBPyConnection, question: Sql) -> pa.Table:
    """How `ask` gets a table; DuckDB copies the rows once more when they come by `execute`."""
    return cursor.sql(question.text, params=question.parameters).to_arrow_table()
