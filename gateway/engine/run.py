"""Bound queries on relations: filter, order, window, and rows rendered as JSON.

A relation is a DuckDB cursor and the name of a table or view with the contract's columns. The
table of a snapshot has a column `POSITION`, its row numbers in its own order, so that every page
of the whole collection is as cheap as the first. Blocking; call it from a worker thread. DuckDB
releases the GIL while it works.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.engine.apply import compile_apply
from gateway.engine.compile import compile_filter
from gateway.engine.navigate import table_of
from gateway.engine.ordering import sort_keys
from gateway.engine.projection import json_object
from gateway.engine.row_failures import row_failure
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.errors import InsufficientStorage, QueryTimeout
from gateway.query.tree.expressions import (
    And,
    BoundExpr,
    BoundOrder,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
)
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.transformations import POSITION, BoundApply

T = TypeVar("T")
_PLACE = '"$place"'
_SORTED = f" ORDER BY r.{_PLACE}"
_DATA_ERRORS = (
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table to query, or a SELECT in parentheses.

    The column `position` numbers the rows in the order `positioned_by`. `referenced_tables` are
    the entity sets that navigation leads to, and their tables. `query` is the query whose parts
    are evaluated, for messages.
    """

    cursor: DuckDBPyConnection
    name: str
    positioned_by: tuple[BoundOrder, ...] = ()
    referenced_tables: tuple[tuple[str, str], ...] = ()
    position: Property = POSITION
    query: BoundQuery | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that pass `filter`, sorted by `order` (total), from `offset` on, at most `limit`.

    No `order` means the relation's own, which a table with POSITION has. `limit` None means all.
    With `apply`, the rows are its result on the rows that pass `filter`, which then need a column
    POSITION.
    """

    filter: BoundExpr | None
    order: tuple[BoundOrder, ...]
    offset: int = 0
    limit: int | None = None
    apply: BoundApply | None = None


def fetch_rows(relation: Relation, selection: Selection, projection: Projection) -> list[bytes]:
    """Return each selected row as a JSON object in UTF-8, in order."""
    statement = window_of(relation, selection, json_object(projection))
    return [row[0] for row in execute(relation, statement, as_tuples)]


def count_rows(
    relation: Relation, condition: BoundExpr | None, apply: BoundApply | None = None
) -> int:
    """Count the rows that pass the filter, or the result of $apply on them."""
    source, where = _rows(relation, condition, apply)
    text = f"SELECT count(*) FROM {source.text} AS r WHERE {where.text}"  # noqa: S608 - as above
    [(number,)] = execute(relation, Sql(text, parameters((source, where))), as_tuples)
    return int(number)


def window_of(relation: Relation, selection: Selection, columns: Sql) -> Sql:
    """Return the SELECT of these columns, over the alias `r`, of the selected rows, in order.

    The window is cut out first: DuckDB would otherwise read and render every row that passes the
    filter before it sorts. If other rows are joined to it, it is sorted again: joins keep no order.
    """
    window, order = _window(relation, selection)
    source, condition = _rows(relation, selection.filter, selection.apply)
    if _is_long(relation, selection):
        position = Sql(quote(relation.position.name))
        condition = fill(_NUMBERED, position, source, condition, order)
        order = position
    text = (
        f"(SELECT * FROM {source.text} AS r"  # noqa: S608 - no value is spliced
        f" WHERE {condition.text} AND {window.text} ORDER BY {order.text})"
    )
    last = ""
    if relation.referenced_tables:
        text, last = f"(SELECT *, row_number() OVER () AS {_PLACE} FROM {text})", _SORTED  # noqa: S608
    return Sql(
        f"SELECT {columns.text} FROM {text} AS r{last}",  # noqa: S608
        parameters((columns, source, condition, window, order)),
    )


_NUMBERED = "{0} IN (SELECT {0} FROM {1} AS r WHERE {2} ORDER BY {3})"
_MAX_SHORT_ROWS = 100
"""For so few rows DuckDB finds the row numbers first by itself."""


def _is_long(relation: Relation, selection: Selection) -> bool:
    """Return True if the row numbers should be found first, because sorting whole rows is slow.

    Measured for pages of 5,000 rows of a million that pass a filter: 4 to 30 times as long.
    """
    if selection.filter is None or selection.apply is not None or relation.referenced_tables:
        return False
    if _chooses_few(selection.filter):
        return False
    limit = selection.limit
    return _is_positioned(relation, selection) and limit is not None and limit > _MAX_SHORT_ROWS


def _is_positioned(relation: Relation, selection: Selection) -> bool:
    """Return True if the relation's positions give the selected rows and their order.

    They number the relation's own rows. Rows that $apply makes have none, even if they are sorted
    by columns of the same names.
    """
    if selection.apply is not None:
        return False
    return not selection.order or selection.order == relation.positioned_by


def _chooses_few(condition: BoundExpr) -> bool:
    """Return True if a text must have a value that few rows have, such as a key: little to sort.

    Measured for the results of one person of a hundred thousand: 2 instead of 3 ms.
    """
    terms = condition.terms if isinstance(condition, And) else (condition,)
    return any(
        isinstance(term, Compare)
        and term.operator is CompareOperator.EQ
        and isinstance(term.left, ColumnRef)
        and isinstance(term.right, Constant)
        and term.left.type is PrimitiveType.STRING
        and not term.left.prop.known_values
        for term in terms
    )


def _rows(
    relation: Relation, condition: BoundExpr | None, apply: BoundApply | None
) -> tuple[Sql, Sql]:
    """Return the FROM item of the rows, and the remaining condition on them."""
    table, where = Sql(relation.name), compile_filter(condition)
    if apply is None:
        return table, where
    source = table
    if condition is not None:
        source = fill("(SELECT * FROM {0} AS r WHERE {1})", table, where)
    return compile_apply(apply.steps, source), compile_filter(apply.filter)


def _window(relation: Relation, selection: Selection) -> tuple[Sql, Sql]:
    """Return the condition and the ORDER BY clause, LIMIT included, of the window."""
    if not _is_positioned(relation, selection):
        return Sql("true"), _ordered(sort_keys(selection.order), selection)
    position = Sql(quote(relation.position.name))
    if selection.filter is not None or selection.limit is None:
        return Sql("true"), _ordered(position, selection)
    ends = (selection.offset, selection.offset + selection.limit)
    return Sql(f"{position.text} >= ? AND {position.text} < ?", ends), position


def _ordered(keys: Sql, selection: Selection) -> Sql:
    limit = () if selection.limit is None else (selection.limit,)
    text = f"{keys.text}{' LIMIT ?' if limit else ''} OFFSET ?"
    return Sql(text, (*keys.parameters, *limit, selection.offset))


def execute(relation: Relation, statement: Sql, fetch: Callable[[DuckDBPyConnection, Sql], T]) -> T:
    """Execute a statement and return its result as `fetch` reads it.

    Raises:
        InvalidValue: an operation fails on the data, such as a division by zero.
        QueryTimeout: the statement was interrupted.
        InsufficientStorage: it needs more memory than the gateway has. Every other error of DuckDB
            passes through, because it is not the client's.
    """
    try:
        return fetch(relation.cursor, _with_tables(relation.referenced_tables, statement))
    except _DATA_ERRORS as error:
        raise row_failure(error, relation.query) from error
    except duckdb.InterruptException as error:
        raise QueryTimeout from error
    except duckdb.OutOfMemoryException as error:
        raise InsufficientStorage(
            "the query needs more memory than the gateway has; request less at once: a narrower"
            " $filter, fewer groups, a $top (its owner can raise --memory-limit, and with"
            " --data-dir sorts use the disk)"
        ) from error


def _with_tables(tables: tuple[tuple[str, str], ...], statement: Sql) -> Sql:
    """Return the statement with names for the sets that it navigates to."""
    if not tables:
        return statement
    named = (f"{table_of(name)} AS NOT MATERIALIZED (FROM {table})" for name, table in tables)
    return Sql(f"WITH {', '.join(named)} {statement.text}", statement.parameters)


def as_tuples(cursor: DuckDBPyConnection, statement: Sql) -> list[tuple[Any, ...]]:
    """Return all rows at once."""
    return cursor.execute(statement.text, statement.parameters).fetchall()
