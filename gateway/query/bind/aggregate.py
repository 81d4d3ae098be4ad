"""`aggregate(...)` (Data Aggregation 3.2.1): methods, result types, `from`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType as T
from gateway.errors import GatewayError, InvalidValue, NotSupported
from gateway.query.bind.aggregated_paths import find_collection_path, from_other_row
from gateway.query.bind.compute import check_alias
from gateway.query.bind.expressions import bind_expression, bind_property
from gateway.query.bind.scope import Scope, quoted
from gateway.query.bind.text_widths import width_of
from gateway.query.tree.expressions import (
    BoundExpr,
    BoundOrder,
    ColumnRef,
    Constant,
    CountRows,
    NavigationPath,
    Reached,
)
from gateway.query.tree.transformations import (
    VALUE,
    AggregateRows,
    BoundAggregate,
    FromStep,
    Method,
    RowType,
    Variant,
)
from grammar import CountOf, Expr, Member, Name, Special
from grammar.tree.expressions import AggregateFrom, AggregateItem
from grammar.tree.walk import names as names_in

_METHODS = {method.value: method for method in Method if method is not Method.COUNT}
_SUMS = (Method.SUM, Method.AVERAGE)


@dataclass(frozen=True, slots=True)
class Names:
    """The scope of a transformation, and the `taken` names that a new property cannot have.

    `keys` are the taken names that group the rows.
    """

    scope: Scope
    rows: RowType
    taken: tuple[str, ...]
    keys: tuple[str, ...] = ()

    def free_for(self, item: AggregateItem) -> tuple[str, ...]:
        """Return the names that the item's alias cannot have.

        It may be that of a property which it aggregates, and which is gone afterwards: AG Grid
        and Microsoft's samples do so. It may not be that of a grouping property.
        """
        gone = {*names_in(item.expression)} - {*self.keys} - {*names_in(item.steps)}
        return tuple(name for name in self.taken if name not in gone)


def bind_aggregate(items: tuple[AggregateItem, ...], names: Names) -> tuple[AggregateRows, RowType]:
    """Bind the step, and return the type of its one row too.

    Raises:
        TypeMismatch: an operand that the method does not take.
        InvalidValue: an alias that is taken.
        NotSupported: custom aggregates and methods.
    """
    found: list[BoundAggregate] = []
    for item in items:
        others = (other.prop.name for other in found)
        check_alias(item.alias, (*names.free_for(item), *others), names.scope)
        found.append(_bind_item(item, names))
    properties = tuple(aggregate.prop for aggregate in found)
    order = tuple(BoundOrder(ColumnRef(prop)) for prop in properties[:1])
    variant = Variant(tuple(prop.name for prop in properties))
    return AggregateRows(tuple(found)), RowType(properties, (variant,), order)


def _bind_item(item: AggregateItem, names: Names) -> BoundAggregate:
    method, expr, along = _bind_value(item, names.scope)
    type_ = T.DECIMAL
    if expr is not None and method is not Method.COUNT:
        type_ = _result(method, expr, quoted(item.expression), names.scope)
    steps: list[FromStep] = []
    for step in item.steps:
        bound = _bind_from(step, ColumnRef(Property(VALUE, type_)), item, names)
        type_ = _result(bound.method, bound.operand, "the value of a group", names.scope)
        steps.append(bound)
    prop = Property(item.alias, type_, dynamic=True)
    if expr is not None:  # such as the minimum of texts
        prop = replace(prop, width=width_of(expr))
    if along and steps:
        raise names.scope.unsupported(item.expression, "a path through a collection, with from,")
    return BoundAggregate(prop, method, expr, tuple(steps), along)


def _bind_value(
    item: AggregateItem, scope: Scope
) -> tuple[Method, BoundExpr | None, tuple[NavigationPath, ...]]:
    """Return the method, its operand, and the steps to the rows that are aggregated."""
    expression = item.expression
    if expression == Special("$count"):
        return Method.COUNT, None, ()
    if isinstance(expression, CountOf) and not item.method:
        number = bind_expression(expression, scope)
        if not _counts_rows(number):
            raise scope.unsupported(expression)
        return Method.COUNT, number, ()
    method, path = _method(item.method, expression, scope), find_collection_path(expression, scope)
    if path is None:
        return method, bind_expression(expression, scope), ()
    expr = bind_expression(from_other_row(expression, path), path.scope)
    return method, expr, path.steps


def _counts_rows(expr: BoundExpr) -> bool:
    while isinstance(expr, Reached):
        expr = expr.value
    return isinstance(expr, CountRows)


def _bind_from(
    step: AggregateFrom, operand: BoundExpr, item: AggregateItem, names: Names
) -> FromStep:
    names.scope.use()
    by = dict.fromkeys(grouping_property(path, names) for path in step.paths)
    method = _method(step.method, item.expression, names.scope)
    return FromStep(tuple(by), method, operand)


def _method(name: str, expression: Expr, scope: Scope) -> Method:
    method = _METHODS.get(name)
    if method is not None:
        return method
    if name:
        raise NotSupported(
            f"{scope.option}: {name} is not an aggregation method of this service; use one of"
            f" {', '.join(_METHODS)}",
            target=scope.option,
        )
    if not isinstance(expression, Name | Member):
        raise scope.unsupported(expression)
    if find_collection_path(expression, scope) is None:
        bind_expression(expression, scope)
    raise InvalidValue(
        f"{scope.option}: {quoted(expression)} needs `with` a method and `as` a name, in this order"
        f" and before any `from`, e.g. {quoted(expression)} with max as most",
        target=scope.option,
    )


def _result(method: Method, expr: BoundExpr, what: str, scope: Scope) -> T:
    """Return the type of the aggregate; sums of integers are Edm.Int64, counts Edm.Decimal."""
    type_ = expr.type
    if isinstance(expr, Constant) and expr.picoseconds:
        raise scope.invalid(f"{what}: at most six fractional digits can be sent")
    if type_ is None:
        raise scope.mismatch(f"{what} is always null and cannot be aggregated")
    if method in _SUMS and not type_.is_numeric:
        raise _no_number(method, type_, what, scope)
    match method:
        case Method.COUNT | Method.COUNTDISTINCT:
            return T.DECIMAL
        case Method.AVERAGE:
            return T.DOUBLE
        case Method.SUM if type_ is T.INT32:
            return T.INT64
        case _:
            return type_


def _no_number(method: Method, type_: T, what: str, scope: Scope) -> GatewayError:
    return scope.mismatch(
        f"{method} takes numbers, but {what} is of type {type_}; min, max and countdistinct take"
        " every type"
    )


def grouping_property(path: Expr, names: Names) -> Property:
    """Return the single-valued property of `groupby` or `from`.

    Raises:
        TypeMismatch: a collection.
        NotSupported: one that not all rows have.
    """
    found = bind_property(path, names.scope)
    if found.collection:
        raise names.scope.mismatch(f"{found.name} is a collection; group by single values")
    if found.name not in names.rows.common:
        raise not_in_all_rows(found.name, names.scope)
    return found


def not_in_all_rows(name: str, scope: Scope) -> NotSupported:
    """Return the error (501) for a grouping property that some rows lack."""
    return NotSupported(
        f"{scope.option}: some rows here do not have {name}, so this service cannot group by it;"
        " group first, then concatenate",
        target=scope.option,
    )
