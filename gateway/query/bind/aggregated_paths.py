"""Paths to other rows in `groupby`, `from` and `aggregate` (Data Aggregation 3.2.1, 3.2.3).

Grouping by a path computes a property with the path's name for each row, and groups by it. An
aggregate over a path through a collection covers the rows that the path leads to; a row counts as
often as the path leads to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from gateway.query.bind.expressions import bind_expression
from gateway.query.bind.navigation import RowPath, enter, find_value, inside, path_name
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import ComputedProperty, NavigationPath
from grammar import Binary, Call, Cast, Expr, Member, Name, Unary
from grammar.tree.transformations import Aggregate, GroupBy, Rollup, RollupRecursive

T = TypeVar("T")
_OTHER_ROW = "$row"
"""The variable of the related row; no name in a URL starts with `$row`."""


def grouping_paths(step: Aggregate | GroupBy) -> Iterable[Expr]:
    """Yield the paths that a step groups by, in `groupby` or after `from`."""
    if isinstance(step, Aggregate):
        for item in step.items:
            for inner in item.steps:
                yield from inner.paths
        return
    for by in step.by:
        if isinstance(by, Rollup):
            yield from by.levels if len(by.levels) > 1 else ()
        elif not isinstance(by, RollupRecursive):
            yield by


def bind_grouping_paths(paths: Iterable[Expr], scope: Scope) -> tuple[ComputedProperty, ...]:
    """Bind the grouping paths that lead to related rows, each once.

    Raises:
        TypeMismatch: a path through a collection.
    """
    found: dict[str, ComputedProperty] = {}
    for path in paths:
        name = path_name(path)
        if "/" not in name or name in found:
            continue
        several = _collection_part(name.split("/"), scope)
        if several:
            raise scope.mismatch(
                f"{several} are several rows; group by single values, and start from the set that"
                f" {several} leads to"
            )
        start, prop = find_value(path, scope)
        if start.steps:
            expr = bind_expression(path, scope)
            found[name] = ComputedProperty(replace(prop, name=name), expr)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class CollectionPath:
    """The rows that a path through a collection leads to.

    `scope` has the names of both rows, `name` and `steps` are those of the path.
    """

    name: str
    steps: tuple[NavigationPath, ...]
    scope: Scope


def find_collection_path(expr: Expr, scope: Scope) -> CollectionPath | None:
    """Return the path through a collection that an expression uses; None if it uses none.

    Raises:
        NotSupported: it uses two of them.
    """
    names = dict.fromkeys(_collections_in(expr, scope))
    if not names:
        return None
    first, *more = names
    if more:
        raise scope.unsupported(expr, f"the collections {first} and {more[0]} at once")
    steps: list[NavigationPath] = []
    start = RowPath(scope.entity_type, scope.row)
    for step in first.split("/"):
        navigation = start.entity_type.find_navigation(step)
        assert navigation is not None  # noqa: S101 - found so
        steps.append(enter(start, navigation, scope))
        start = RowPath(steps[-1].target.entity_type, steps[-1].to)
    return CollectionPath(first, tuple(steps), inside(steps[-1], scope, _OTHER_ROW))


def from_other_row(expr: T, path: CollectionPath) -> T:
    """Return the expression with members after the path rewritten as values of the related row."""
    if isinstance(expr, Name | Member) and path_name(expr) == path.name:
        return Name(_OTHER_ROW)  # type: ignore[return-value]  # an expression replaces another
    if not is_dataclass(expr) or isinstance(expr, type):
        return expr
    changed = {field.name: _replaced(getattr(expr, field.name), path) for field in fields(expr)}
    return replace(expr, **changed)


def _replaced(value: Any, path: CollectionPath) -> Any:
    if isinstance(value, tuple):
        return tuple(_replaced(item, path) for item in value)
    return from_other_row(value, path)


def _collections_in(expr: Any, scope: Scope) -> Iterable[str]:
    """Yield the longest part of each path that ends in a collection of rows."""
    if isinstance(expr, Member):
        name = _collection_part(path_name(expr).split("/")[:-1], scope)
        if name:
            yield name
        return
    if isinstance(expr, tuple):
        for item in expr:
            yield from _collections_in(item, scope)
    elif isinstance(expr, Binary | Unary | Call | Cast):
        for field in fields(expr):
            yield from _collections_in(getattr(expr, field.name), scope)


def _collection_part(steps: list[str], scope: Scope) -> str:
    """Return the steps up to the last collection of rows; empty if there is none."""
    entity_type, found = scope.entity_type, 0
    for position, step in enumerate(steps, 1):
        navigation = entity_type.find_navigation(step)
        if navigation is None or scope.referenced_sets is None:
            break
        found = position if navigation.collection else found
        entity_type = scope.referenced_sets.type_of(navigation.target)
    return "/".join(steps[:found])
