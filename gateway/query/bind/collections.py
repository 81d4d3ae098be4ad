"""`any`, `all` and `/$count` of values and of other rows (URL Conventions 5.1.1.13, .14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import NotSupported, TypeMismatch
from gateway.query.bind.misplaced import row_as_collection
from gateway.query.bind.navigation import (
    RowPath,
    find_row,
    find_rows,
    find_value,
    inside,
    path_name,
)
from gateway.query.bind.scope import Scope, quoted
from gateway.query.bind.search import bind_search, bind_search_of_values
from gateway.query.tree.expressions import (
    BoundExpr,
    CountElements,
    CountRows,
    NavigationPath,
    Quantified,
    QuantifiedRows,
    conjunction,
)
from grammar import CountOf, Expr, FilteredBy, Lambda, SearchExpr

BindPredicate: TypeAlias = Callable[[Expr, Scope], BoundExpr]


def bind_lambda(expr: Lambda, scope: Scope, bind: BindPredicate) -> BoundExpr:
    """Bind `any` or `all`.

    Raises:
        TypeMismatch: the operand is not a collection.
        NotSupported: one over values inside of another one over values.
    """
    rows = find_rows(expr.base, scope)
    if rows is not None:
        return _of_rows(expr, *rows, scope, bind)
    if scope.element is not None:
        raise NotSupported(
            f"{scope.option}: any and all over values inside another such any or all are not"
            " supported",
            target=scope.option,
        )
    _check_no_row(expr.base, expr.quantifier, scope)
    path, found = find_value(expr.base, scope)
    if not found.collection:
        raise TypeMismatch(
            f"{scope.option}: {found.name} is a single value, {expr.quantifier} needs a collection;"
            f" compare it directly: {found.name} eq ...",
            target=scope.option,
        )
    predicate = None
    if expr.predicate is not None:
        inner = replace(scope, variable=expr.variable, element=found.type)
        predicate = bind(expr.predicate, inner)
    return path.value(Quantified(found, expr.quantifier, predicate, path.row))


def _of_rows(
    expr: Lambda, start: RowPath, path: NavigationPath, scope: Scope, bind: BindPredicate
) -> BoundExpr:
    predicate = None
    if expr.predicate is not None:
        predicate = bind(expr.predicate, inside(path, scope, expr.variable))
    return start.value(QuantifiedRows(path, expr.quantifier, predicate))


def _check_no_row(base: Expr, feature: str, scope: Scope) -> None:
    """Raise if a collection is needed and the path leads to a single row."""
    row = find_row(base, scope)
    if row is not None and row.steps:
        path = path_name(base) or row.steps[-1].navigation.name
        raise row_as_collection(path, feature, row.steps[-1].navigation, scope)


def bind_count(expr: CountOf, scope: Scope, bind: BindPredicate) -> BoundExpr:
    """Bind `/$count` of rows or values, with or without conditions.

    Raises:
        TypeMismatch: the operand is not a collection.
        NotSupported: conditions on values inside of conditions on values.
    """
    base: Expr = expr.base
    conditions: list[Expr] = [] if expr.filter is None else [expr.filter]
    while isinstance(base, FilteredBy):
        conditions.insert(0, base.predicate)
        base = base.base
    rows = find_rows(base, scope)
    if rows is not None:
        start, path = rows
        inner = inside(path, scope)
        bound = [bind(condition, inner) for condition in conditions]
        if expr.search is not None:
            bound.append(bind_search(expr.search, path.target.entity_type.properties, path.to))
        return start.value(CountRows(path, conjunction(*bound)))
    _check_no_row(base, "/$count", scope)
    owner, found = find_value(base, scope)
    if not found.collection:
        raise scope.mismatch(
            f"{quoted(base)} is a single value, which has no /$count; write {quoted(base)} alone"
        )
    condition = value_condition(found, conditions, expr.search, scope, bind)
    return owner.value(CountElements(found, owner.row, condition))


def value_condition(
    prop: Property,
    conditions: Sequence[Expr],
    search: SearchExpr | None,
    scope: Scope,
    bind: BindPredicate,
) -> BoundExpr | None:
    """Bind the condition on an element, which is called `$this`; None if there is none.

    Raises:
        NotSupported: conditions on values inside of conditions on values.
        TypeMismatch: a search in values that are not texts.
    """
    if scope.element is not None and (conditions or search is not None):
        raise NotSupported(
            f"{scope.option}: conditions on the values of {prop.name} inside of other conditions on"
            " values are not supported",
            target=scope.option,
        )
    inner = replace(scope, element=prop.type)
    bound = [bind(condition, inner) for condition in conditions]
    if search is not None:
        if prop.type is not PrimitiveType.STRING:
            raise scope.mismatch(f"$search needs texts, but {prop.name} holds none")
        bound.append(bind_search_of_values(search))
    return conjunction(*bound)
