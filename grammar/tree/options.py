"""The syntax tree of $select, $expand and a whole set of query options (Part 2, 5)."""

from __future__ import annotations

from dataclasses import dataclass

from grammar.tree.expressions import ComputeItem, Expr, OrderItem
from grammar.tree.search import SearchExpr
from grammar.tree.transformations import Transformation


@dataclass(frozen=True, slots=True)
class SelectItem:
    """One item of $select (5.1.4).

    `path` holds the names in order, type casts included; `("*",)` selects all structural
    properties, `("ns.*",)` all operations of a namespace. `options` are the nested options in
    parentheses (4.01), None without parentheses. `parameters` are the parameter names that
    identify an overload of an operation, None without parentheses.
    """

    path: tuple[str, ...]
    options: QueryOptions | None = None
    parameters: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExpandItem:
    """One item of $expand (5.1.3); `suffix` is empty, `$ref` or `$count`; path `("*",)` = all."""

    path: tuple[str, ...]
    suffix: str = ""
    options: QueryOptions | None = None


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """All query options of one resource; None or empty when absent.

    `levels` is -1 for `max`. `aliases` maps parameter aliases (without `@`) to expressions.
    `custom` holds all other options, decoded, in the order written. `format`, `schemaversion`,
    `skiptoken` and `deltatoken` are decoded text.
    """

    apply: tuple[Transformation, ...] = ()
    compute: tuple[ComputeItem, ...] = ()
    search: SearchExpr | None = None
    filter: Expr | None = None
    count: bool | None = None
    orderby: tuple[OrderItem, ...] = ()
    skip: int | None = None
    top: int | None = None
    expand: tuple[ExpandItem, ...] = ()
    select: tuple[SelectItem, ...] = ()
    format: str | None = None
    schemaversion: str | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None
    id: str | None = None
    index: int | None = None
    levels: int | None = None
    aliases: tuple[tuple[str, Expr], ...] = ()
    custom: tuple[tuple[str, str], ...] = ()
