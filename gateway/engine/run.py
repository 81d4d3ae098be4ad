"""Runs a bound query on a relation: filter, order, window, and rows rendered as JSON.

A relation is a DuckDB cursor and the name of a table or view with the contract's columns. The
table of a snapshot has a column `POSITION`, its row numbers in the feed's own order, which makes
every page of the whole feed as cheap as the first. Blocking; call it from a worker thread. DuckDB
releases the GIL while it works.
"""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from gateway.engine.compile import Sql, compile_filter, quote
from gateway.engine.projection import json_object
from gateway.query.bound import BoundExpr, BoundOrder
from gateway.query.projection import Projection

POSITION = "$position"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table to ask; `positioned_by` is the order that its POSITION column stands for."""

    cursor: DuckDBPyConnection
    name: str
    positioned_by: tuple[BoundOrder, ...] = ()


def sort_keys(order: tuple[BoundOrder, ...]) -> str:
    """The ORDER BY list: null first ascending, last descending (Protocol 11.2.6.2)."""
    return ", ".join(_key(item) for item in order)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: those that pass `filter`, sorted by `order` (total), from `offset`, `limit` many.

    `limit` None means all.
    """

    filter: BoundExpr | None
    order: tuple[BoundOrder, ...]
    offset: int = 0
    limit: int | None = None


def fetch_rows(relation: Relation, selection: Selection, projection: Projection) -> list[str]:
    """Each selected row as the text of a JSON object, in order."""
    window, order = _window(relation, selection)
    condition = compile_filter(selection.filter)
    rendered = json_object(projection)
    text = (
        f"SELECT {rendered.text} FROM {relation.name} AS r"  # noqa: S608 - no value is spliced
        f" WHERE {condition.text} AND {window.text} ORDER BY {order.text}"
    )
    parameters = rendered.parameters + condition.parameters + window.parameters + order.parameters
    return [row[0] for row in relation.cursor.execute(text, parameters).fetchall()]


def count_rows(relation: Relation, condition: BoundExpr | None) -> int:
    """How many rows pass the filter."""
    where = compile_filter(condition)
    text = f"SELECT count(*) FROM {relation.name} WHERE {where.text}"  # noqa: S608 - as above
    [(number,)] = relation.cursor.execute(text, where.parameters).fetchall()
    return int(number)


def _window(relation: Relation, selection: Selection) -> tuple[Sql, Sql]:
    """The condition and the ORDER BY clause, LIMIT included, that cut the window out."""
    if selection.order != relation.positioned_by:
        return Sql("true"), _ordered(sort_keys(selection.order), selection)
    position = quote(POSITION)
    if selection.filter is not None or selection.limit is None:
        return Sql("true"), _ordered(position, selection)
    ends = (selection.offset, selection.offset + selection.limit)
    return Sql(f"{position} >= ? AND {position} < ?", ends), Sql(position)


def _ordered(keys: str, selection: Selection) -> Sql:
    limit = () if selection.limit is None else (selection.limit,)
    return Sql(f"{keys}{' LIMIT ?' if limit else ''} OFFSET ?", (*limit, selection.offset))


def _key(item: BoundOrder) -> str:
    direction = "DESC NULLS LAST" if item.descending else "ASC NULLS FIRST"
    return f"{quote(item.prop.name)} {direction}"
