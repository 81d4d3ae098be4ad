"""Runs a bound query on a relation: filter, order, window, and rows rendered as JSON.

A relation is a DuckDB cursor and the name of a table or view with the contract's columns. The
table of a snapshot has a column `POSITION`, its row numbers in its own order, which makes every
page of the whole feed as cheap as the first. Blocking; call it from a worker thread. DuckDB
releases the GIL while it works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from gateway.engine.compile import compile_expression, compile_filter
from gateway.engine.projection import json_object
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.errors import InvalidValue
from gateway.query.bound import BoundExpr, BoundOrder
from gateway.query.projection import Projection

POSITION = "$position"
_OF_THE_DATA = (
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table to ask; `positioned_by` is the order that its POSITION column stands for exactly."""

    cursor: DuckDBPyConnection
    name: str
    positioned_by: tuple[BoundOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: those that pass `filter`, sorted by `order` (total), from `offset`, `limit` many.

    No `order` means the relation's own, which a table with POSITION has. `limit` None means all.
    """

    filter: BoundExpr | None
    order: tuple[BoundOrder, ...]
    offset: int = 0
    limit: int | None = None


def fetch_rows(relation: Relation, selection: Selection, projection: Projection) -> list[bytes]:
    """Each selected row as a JSON object in UTF-8, in order.

    The window is cut out first: DuckDB would read and render every row that passes the filter
    before it sorts.
    """
    window, order = _window(relation, selection)
    condition = compile_filter(selection.filter)
    rendered = json_object(projection)
    text = (
        f"SELECT {rendered.text} FROM (SELECT * FROM {relation.name}"  # noqa: S608 - no value is spliced
        f" WHERE {condition.text} AND {window.text} ORDER BY {order.text}) AS r"
    )
    values = parameters((rendered, condition, window, order))
    return [row[0] for row in _ask(relation, Sql(text, values))]


def count_rows(relation: Relation, condition: BoundExpr | None) -> int:
    """How many rows pass the filter."""
    where = compile_filter(condition)
    text = f"SELECT count(*) FROM {relation.name} WHERE {where.text}"  # noqa: S608 - as above
    [(number,)] = _ask(relation, Sql(text, where.parameters))
    return int(number)


def _window(relation: Relation, selection: Selection) -> tuple[Sql, Sql]:
    """The condition and the ORDER BY clause, LIMIT included, that cut the window out."""
    if selection.order and selection.order != relation.positioned_by:
        return Sql("true"), _ordered(_keys(selection.order), selection)
    position = Sql(quote(POSITION))
    if selection.filter is not None or selection.limit is None:
        return Sql("true"), _ordered(position, selection)
    ends = (selection.offset, selection.offset + selection.limit)
    return Sql(f"{position.text} >= ? AND {position.text} < ?", ends), position


def _ordered(keys: Sql, selection: Selection) -> Sql:
    limit = () if selection.limit is None else (selection.limit,)
    text = f"{keys.text}{' LIMIT ?' if limit else ''} OFFSET ?"
    return Sql(text, (*keys.parameters, *limit, selection.offset))


def _keys(order: tuple[BoundOrder, ...]) -> Sql:
    keys = [_key(item) for item in order]
    return Sql(", ".join(key.text for key in keys), parameters(keys))


def _key(item: BoundOrder) -> Sql:
    direction = "DESC NULLS LAST" if item.descending else "ASC NULLS FIRST"
    return fill(f"{{0}} {direction}", compile_expression(item.expr))


def _ask(relation: Relation, question: Sql) -> list[tuple[Any, ...]]:
    """All rows of the answer.

    Raises:
        InvalidValue: an operation of the question fails on the data, such as a division by zero.
            Every other error of DuckDB passes through: it is not the client's.
    """
    try:
        return relation.cursor.execute(question.text, question.parameters).fetchall()
    except _OF_THE_DATA as error:
        raise InvalidValue(
            "$filter, $orderby, $compute or $apply computes what does not exist in some row: a"
            " division by zero, a number or instant out of range, or a pattern of matchespattern"
            " that is not valid here (RE2, without lookaround); correct it, or leave such rows out"
            " with case(...)"
        ) from error  # DuckDB's own words may hold values of rows
