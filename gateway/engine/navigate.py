"""Related rows of the same snapshot, as subqueries, which DuckDB turns into joins.

A set's table has the name that `table_of` returns; `gateway.engine.run` defines it.
"""

from __future__ import annotations

from gateway.edm.model import EntitySet
from gateway.engine.functions import SQL_TYPES
from gateway.engine.sql import Sql, fill, quote
from gateway.query.tree.expressions import CountRows, NavigationPath, QuantifiedRows, Reached


def table_of(set_name: str) -> str:
    """Return the SQL name of an entity set's rows; no property or alias has such a name."""
    return quote(f"${set_name}")


def no_rows(entity_set: EntitySet) -> str:
    """Return a FROM item with the columns of a set and no rows."""
    columns = ", ".join(
        f"CAST(NULL AS {SQL_TYPES[prop.type]}{'[]' if prop.collection else ''}) AS"
        f" {quote(prop.name)}"
        for prop in entity_set.entity_type.properties
    )
    return f"(SELECT {columns} WHERE false)"


def join_condition(path: NavigationPath) -> str:
    """Return the condition for the rows that the path leads to."""
    pairs = (
        f"{path.to}.{quote(other)} = {path.row}.{quote(own)}" for own, other in path.navigation.on
    )
    return " AND ".join(pairs)


def reached(expr: Reached, value: Sql) -> Sql:
    """Return a value of the one related row."""
    return fill(f"(SELECT {{0}} {_rows(expr.path)})", value)


def quantified_rows(expr: QuantifiedRows, predicate: Sql) -> Sql:
    """Return `any` or `all` over related rows; a predicate that is null fails (5.1.1.13)."""
    if expr.quantifier == "any":
        return fill(f"EXISTS (SELECT 1 {_rows(expr.path)} AND {{0}})", predicate)
    return fill(
        f"(NOT EXISTS (SELECT 1 {_rows(expr.path)} AND NOT coalesce({{0}}, false)))", predicate
    )


def counted_rows(expr: CountRows, condition: Sql) -> Sql:
    """Return the number of related rows that meet the condition."""
    return fill(f"(SELECT count(*) {_rows(expr.path)} AND {{0}})", condition)


def _rows(path: NavigationPath) -> str:
    return f"FROM {table_of(path.target.name)} AS {path.to} WHERE {join_condition(path)}"
