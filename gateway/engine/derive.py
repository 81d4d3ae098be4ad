"""Rows of derived sets, made from the results of one snapshot in one pass.

The first result of a group in the results' own order, which is its newest, is found by its
position; its values stay together, nulls included, so that all come from one result.
"""

from __future__ import annotations

from gateway.contract.derived import ColumnKind
from gateway.engine.compile import compile_filter
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.bind.derivation import BoundColumn, Derivation
from gateway.query.tree.transformations import POSITION

_NEWEST = '"$newest"'
_ELEMENTS = '"$elements"'
_AGGREGATES = {
    ColumnKind.COUNT: "count(*)",
    ColumnKind.DISTINCT: "count(DISTINCT {0})",
    ColumnKind.AVERAGE: "favg({0})",
    ColumnKind.LEAST: "min({0})",
    ColumnKind.MOST: "max({0})",
}


def compile_derivation(derivation: Derivation, rows: str) -> Sql:
    """Return a SELECT of the set's columns and POSITION, sorted by key, from the results `rows`."""
    source = _unnested(derivation.unnest, rows)
    grouped = _grouped(derivation, source)
    key = ", ".join(quote(name) for name in derivation.key)
    columns = ", ".join(quote(column.prop.name) for column in derivation.columns)
    text = (
        f"SELECT {columns}, row_number() OVER (ORDER BY {key}) - 1 AS {quote(POSITION.name)}"  # noqa: S608 - no value is spliced
        f" FROM ({grouped.text}) ORDER BY {key}"
    )
    return Sql(text, grouped.parameters)


def _unnested(collections: tuple[str, ...], rows: str) -> str:
    """Return the results, each once per distinct element of its collections."""
    if not collections:
        return rows
    names = ", ".join(quote(name) for name in collections)
    elements = ", ".join(
        f"{_ELEMENTS}[{number}] AS {quote(name)}" for number, name in enumerate(collections, 1)
    )
    return (
        f"(SELECT * EXCLUDE ({_ELEMENTS}), {elements} FROM (SELECT * EXCLUDE ({names}),"  # noqa: S608 - as above
        f" unnest(list_distinct(list_zip({names}))) AS {_ELEMENTS} FROM {rows}))"
    )


def _grouped(derivation: Derivation, source: str) -> Sql:
    groups = derivation.of_kind(ColumnKind.GROUP)
    newest = derivation.of_kind(ColumnKind.FIRST, ColumnKind.EACH)
    inner = [Sql(f"r.{quote(c.of)} AS {quote(c.prop.name)}") for c in groups]
    if newest:
        values = ", ".join(f"{quote(c.prop.name)} := r.{quote(c.of)}" for c in newest)
        first = f"arg_min(struct_pack({values}), r.{quote(POSITION.name)})"
        inner.append(Sql(f"{first} AS {_NEWEST}"))
    inner += [_measure(c) for c in derivation.columns if c.kind in _AGGREGATES]
    by = ", ".join(f"r.{quote(c.of)}" for c in groups)
    there = " AND ".join(f"r.{quote(c.of)} IS NOT NULL" for c in groups if not c.prop.nullable)
    text = (
        f"SELECT {', '.join(item.text for item in inner) or 'count(*)'} FROM {source} AS r"  # noqa: S608 - as above
        f"{f' WHERE {there}' if there else ''}{f' GROUP BY {by}' if by else ''}"
    )
    outer = [_shown(column) for column in derivation.columns]
    whole = Sql(text, parameters(inner))
    shown = Sql(", ".join(item.text for item in outer), parameters(outer))
    return fill("SELECT {0} FROM ({1})", shown, whole)


def _measure(column: BoundColumn) -> Sql:
    value = _AGGREGATES[column.kind].format(f"r.{quote(column.of)}")
    condition = compile_filter(column.where)
    counted = "" if column.where is None else f" FILTER (WHERE {condition.text})"
    text = f"{value}{counted} AS {quote(column.prop.name)}"
    return Sql(text, condition.parameters if counted else ())


def _shown(column: BoundColumn) -> Sql:
    name = quote(column.prop.name)
    match column.kind:
        case ColumnKind.CONSTANT:
            return Sql(f"? AS {name}", (column.text,))
        case ColumnKind.FIRST:
            return Sql(f"{_NEWEST}.{name} AS {name}")
        case ColumnKind.EACH:
            return Sql(f"unnest(list_distinct({_NEWEST}.{name})) AS {name}")  # without nulls
        case _:
            return Sql(name)
