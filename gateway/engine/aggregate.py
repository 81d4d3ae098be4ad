"""`aggregate` as DuckDB SQL (Data Aggregation 3.2.1): one row per group, even an empty one."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.edm.types import PrimitiveType as T
from gateway.engine.compile import compile_expression
from gateway.engine.functions import typed
from gateway.engine.navigate import join_condition, table_of
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import THIS_ROW, BoundExpr
from gateway.query.tree.transformations import VALUE, BoundAggregate, Method

_TEMPLATES = {
    Method.COUNT: "CAST(count(*) AS DECIMAL(19, 0))",
    Method.COUNTDISTINCT: "CAST(count(DISTINCT {0}) AS DECIMAL(19, 0))",
    Method.MIN: "min({0})",
    Method.MAX: "max({0})",
    Method.SUM: "sum({0})",
    Method.AVERAGE: "avg({0})",
}
_TOTAL = "CAST(coalesce(sum({0}), 0) AS DECIMAL(19, 0))"
"""The sum of the numbers that `/$count` yields for each row."""
_PRECISE = "CASE WHEN isfinite(f{0}) THEN f{0} ELSE {0} END"
"""Threads add in any order. A compensated sum hardly depends on it, but fails on infinity."""


def aggregate(
    items: tuple[BoundAggregate, ...], source: Sql, keys: tuple[str, ...], groups: Sql | None
) -> Sql:
    """Return the FROM item of the aggregated rows, which have `keys` and the aliases.

    `source` may be read several times. `groups` has rows of all groups, None if `source` has rows
    of each.
    """
    plain = tuple(item for item in items if not item.steps and not item.along)
    direct = _grouped([_named(item) for item in plain], source, keys)
    if len(plain) == len(items) and (groups is None or not keys):
        return direct
    parts = [(direct, plain)] if plain else []
    parts += [(_in_steps(item, source, keys), (item,)) for item in items if item.steps]
    parts += [(_along(item, source, keys), (item,)) for item in items if item.along]
    return _joined(items, parts, keys, groups or source)


def reads_again(items: tuple[BoundAggregate, ...]) -> bool:
    """Return True if the source is read more than once for them."""
    return any(item.steps or item.along for item in items)


def _along(item: BoundAggregate, source: Sql, keys: tuple[str, ...]) -> Sql:
    """Aggregate the related rows along a path; groups without such rows are missing."""
    joins = "".join(
        f" JOIN {table_of(path.target.name)} AS {path.to} ON {join_condition(path)}"
        for path in item.along
    )
    return _grouped([_named(item)], source, keys, joins)


def _grouped(columns: list[Sql], source: Sql, keys: Iterable[str], joins: str = "") -> Sql:
    own = [f"{THIS_ROW}.{key}" for key in keys]
    listed = [*map(Sql, own), *columns]
    text = f"SELECT {', '.join(c.text for c in listed)} FROM {source.text} AS {THIS_ROW}{joins}"  # noqa: S608 - quoted
    by = ", ".join(own)
    text += f" GROUP BY {by}" if by else ""
    return Sql(f"({text})", (*parameters(listed), *source.parameters))


def _named(item: BoundAggregate) -> Sql:
    return fill(f"{{0}} AS {quote(item.prop.name)}", _value(item.method, item.expr))


def _value(method: Method, expr: BoundExpr | None) -> Sql:
    template = _TEMPLATES[method]
    if method is Method.COUNT and expr is not None:
        return fill(_TOTAL, compile_expression(expr))
    if expr is None:
        return Sql(template)
    if method is Method.AVERAGE:
        return fill(_PRECISE, fill(template, typed(compile_expression(expr), T.DOUBLE)))
    value = fill(template, typed(compile_expression(expr), expr.type))
    if method is Method.SUM and expr.type in (T.INT32, T.INT64):
        return fill("CAST({0} AS BIGINT)", value)
    return fill(_PRECISE, value) if method is Method.SUM and expr.type is T.DOUBLE else value


def _in_steps(item: BoundAggregate, source: Sql, keys: tuple[str, ...]) -> Sql:
    """Aggregate with `from`: the finest groups first; each step removes its own properties."""
    value = fill(f"{{0}} AS {quote(VALUE)}", _value(item.method, item.expr))
    for position, step in enumerate(item.steps):
        by = (quote(prop.name) for later in item.steps[position:] for prop in later.by)
        source = _grouped([value], source, tuple(dict.fromkeys((*keys, *by))))
        last = position == len(item.steps) - 1
        name = item.prop.name if last else VALUE
        value = fill(f"{{0}} AS {quote(name)}", _value(step.method, step.operand))
    return _grouped([value], source, keys)


def _joined(
    items: tuple[BoundAggregate, ...],
    parts: list[tuple[Sql, tuple[BoundAggregate, ...]]],
    keys: tuple[str, ...],
    groups: Sql,
) -> Sql:
    """Join all parts; a group that is missing in a part has null there, and 0 for counts."""
    owner = {item: number for number, (_, own) in enumerate(parts) for item in own}
    columns = [f'"$groups".{key}' for key in keys]
    columns += [_coalesced(item, f'"$part{owner[item]}"') for item in items]
    every = _grouped([], groups, keys) if keys else Sql("(SELECT 1)")
    text, sources = f'{every.text} AS "$groups"', [every]
    for number, (part, _) in enumerate(parts):
        name = f'"$part{number}"'
        same = (f'"$groups".{key} IS NOT DISTINCT FROM {name}.{key}' for key in keys)
        text += f" LEFT JOIN {part.text} AS {name} ON {' AND '.join(same) or 'true'}"
        sources.append(part)
    return Sql(f"(SELECT {', '.join(columns)} FROM {text})", parameters(sources))  # noqa: S608


def _coalesced(item: BoundAggregate, part: str) -> str:
    name = quote(item.prop.name)
    method = item.steps[-1].method if item.steps else item.method
    value = f"{part}.{name}"
    if method in (Method.COUNT, Method.COUNTDISTINCT):
        value = f"coalesce({value}, 0)"
    return f"{value} AS {name}"
