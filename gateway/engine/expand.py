"""Related rows inside of a row, as subqueries over the alias `r` of the row they belong to.

Inside, `r` is the related row, so that its members are rendered like those of any row.
"""

from __future__ import annotations

from gateway.engine.compile import compile_filter
from gateway.engine.navigate import join_condition, table_of
from gateway.engine.ordering import sorted_rows
from gateway.engine.sql import Sql, fill
from gateway.query.tree.expressions import NavigationPath
from gateway.query.tree.queries import BoundExpand, BoundQuery


def related_rows(path: NavigationPath, query: BoundQuery, row: Sql) -> Sql:
    """Return the related row, or the list of them in order; `row` is the SQL of one."""
    if not path.navigation.collection:
        return fill(f"(SELECT {{0}} FROM {_related(path)})", row)  # noqa: S608 - no value is spliced
    found = sorted_rows(query.orderby, Sql(_related(path)), compile_filter(query.filter))
    number = f"row_number() OVER (ORDER BY {found.order})"
    rows = f"SELECT {{0}} AS o, {number} AS place FROM {{1}}"  # noqa: S608
    text = f"(SELECT coalesce(list(o ORDER BY place), []) FROM ({rows}) WHERE {{2}})"  # noqa: S608
    return fill(text, row, found.source, _window(query))


def count_related(path: NavigationPath, query: BoundQuery) -> Sql:
    """Return the number of related rows, regardless of the window."""
    condition = compile_filter(query.filter)
    return fill(f"(SELECT count(*) FROM {_related(path)} WHERE {{0}})", condition)  # noqa: S608


def weight(items: tuple[BoundExpand, ...]) -> Sql:
    """Return the number of related rows inside a row, at all depths; windows may reduce it."""
    total = Sql("0")
    for item in items:
        total = fill("({0} + {1})", total, _weight(item))
    return total


def _weight(item: BoundExpand) -> Sql:
    inner = weight(item.query.expand)
    condition = compile_filter(item.query.filter)
    text = f"(SELECT coalesce(sum(1 + {{0}}), 0) FROM {_related(item.path)} WHERE {{1}})"  # noqa: S608
    whole = fill(text, inner, condition)
    if item.query.top is None or item.query.expand:
        return whole
    return fill("least({0}, {1})", whole, Sql("?", (item.query.top,)))


def _related(path: NavigationPath) -> str:
    table = f"{table_of(path.target.name)} AS {path.to}"
    return f"(SELECT {path.to}.* FROM {table} WHERE {join_condition(path)}) AS r"  # noqa: S608


def _window(query: BoundQuery) -> Sql:
    if query.top is None:
        return Sql("place > ?", (query.skip,))
    return Sql("place > ? AND place <= ?", (query.skip, query.skip + query.top))
