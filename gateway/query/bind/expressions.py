"""Expressions: names -> properties, literals -> typed constants, every type checked.

The input is the grammar's tree, the output `gateway.query.tree.expressions`. Legal OData that this
service does not evaluate is refused by name (501), so that a BI tool folds less and retries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import GatewayError, InvalidSyntax, LimitExceeded, NotSupported, TypeMismatch
from gateway.query.bind.arithmetic import build_arithmetic, build_negation
from gateway.query.bind.calls import build_call
from gateway.query.bind.collections import bind_count, bind_lambda
from gateway.query.bind.comparisons import build_compare, build_in
from gateway.query.bind.conversions import build_case, build_cast, build_isof
from gateway.query.bind.literals import bind_literal
from gateway.query.bind.misplaced import values_as_value
from gateway.query.bind.navigation import find_row, find_value
from gateway.query.bind.scope import Scope, quoted
from gateway.query.tree.expressions import (
    And,
    ArithmeticOperator,
    BoundExpr,
    BoundOrder,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    Element,
    Not,
    Or,
)
from grammar import (
    Alias,
    Binary,
    Call,
    Case,
    Cast,
    CountOf,
    Expr,
    IsOf,
    Lambda,
    ListExpr,
    Literal,
    LiteralKind,
    Member,
    Name,
    OrderItem,
    Special,
    Unary,
)

_COMPARISONS = frozenset(CompareOperator)
_ARITHMETIC = frozenset(ArithmeticOperator)
_MAX_DEPTH = 100


def bind_predicate(expr: Expr, scope: Scope) -> BoundExpr:
    """Bind an expression that must be Boolean, as $filter and lambda predicates are.

    Raises:
        UnknownName, TypeMismatch, InvalidValue: 400.
        NotSupported: legal OData that is not evaluated here, 501.
    """
    bound = bind_expression(expr, scope)
    if bound.type not in (PrimitiveType.BOOLEAN, None):
        raise TypeMismatch(
            f"{scope.option}: {quoted(expr)} is of type {bound.type}; a condition is needed here,"
            f" e.g. {quoted(expr)} eq ...",
            target=scope.option,
        )
    return bound


def bind_expression(expr: Expr, scope: Scope) -> BoundExpr:
    """Bind any expression; see `bind_predicate` for what it raises."""
    binder = _BINDERS.get(type(expr))
    if binder is None:
        raise scope.unsupported(expr)
    if scope.depth >= _MAX_DEPTH:
        raise LimitExceeded(
            f"{scope.option}: the expression is nested more than {_MAX_DEPTH} levels deep; simplify"
            " it",
            target=scope.option,
        )
    return binder(expr, replace(scope, depth=scope.depth + 1))


def bind_property(expr: Expr, scope: Scope) -> Property:
    """Bind a path to one property of the row itself, such as `state` or `$it/state`."""
    path, found = find_value(expr, scope)
    if path.steps:
        raise scope.unsupported(expr, "a value of another row")
    return found


def _bind_literal(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Literal)  # noqa: S101 - dispatched by type
    return bind_literal(expr, scope.option)


def _bind_name(expr: Expr, scope: Scope) -> BoundExpr:
    if isinstance(expr, Name) and expr.name == scope.variable:
        assert scope.element is not None  # noqa: S101 - set together with the variable
        return Element(scope.element)
    for position, item in enumerate(scope.computed):
        own = (Name(item.alias), Member(Special("$it"), item.alias))
        if expr in (own[:1] if scope.is_inner else own):
            return _bind_computed(position, scope)
    path, found = find_value(expr, scope)
    if found.collection:
        raise values_as_value(found, scope)
    return path.value(ColumnRef(found, path.row))


def _bind_special(expr: Expr, scope: Scope) -> BoundExpr:
    """Bind `$this` by itself: the element that a condition applies to (5.1.1.13)."""
    if expr == Special("$this") and scope.element is not None and scope.variable is None:
        return Element(scope.element)
    raise scope.unsupported(expr)


def _bind_computed(position: int, scope: Scope) -> BoundExpr:
    """Bind a computed property as its expression, which sees earlier ones and no variable."""
    scope.use()
    earlier = scope.computed[:position]
    visible = replace(scope, computed=earlier, variable=None, element=None, variables=())
    return bind_expression(scope.computed[position].expression, visible)


def _bind_alias(expr: Expr, scope: Scope) -> BoundExpr:
    """Bind a parameter alias; one without a value is null (URL Conventions 5.3)."""
    assert isinstance(expr, Alias)  # noqa: S101 - dispatched by type
    if expr.name in scope.open_aliases:
        raise InvalidSyntax(
            f"@{expr.name}: the parameter alias refers to itself; give it a value of its own",
            target=f"@{expr.name}",
        )
    value = dict(scope.aliases).get(expr.name)
    if value is None:
        return Constant(None, None)
    scope.use()
    return bind_expression(value, replace(scope, open_aliases=scope.open_aliases | {expr.name}))


def _bind_unary(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Unary)  # noqa: S101 - dispatched by type
    if expr.operator == "not":
        return Not(bind_predicate(expr.operand, scope))
    return build_negation(bind_expression(expr.operand, scope), quoted(expr), scope)


def _bind_binary(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Binary)  # noqa: S101 - dispatched by type
    if expr.operator in ("and", "or"):
        terms = tuple(bind_predicate(term, scope) for term in _flatten(expr))
        return And(terms) if expr.operator == "and" else Or(terms)
    if expr.operator in _COMPARISONS:
        return _bind_compare(expr, scope)
    if expr.operator == "in":
        return _bind_in(expr, scope)
    if expr.operator in _ARITHMETIC:
        return _bind_arithmetic(expr, scope)
    raise scope.unsupported(expr)


def _flatten(expr: Binary) -> list[Expr]:
    """Return the terms of a chain of one connective, in order; chains are left-deep."""
    terms: list[Expr] = []
    node: Expr = expr
    while isinstance(node, Binary) and node.operator == expr.operator:
        terms.append(node.right)
        node = node.left
    return [node, *reversed(terms)]


def _bind_compare(expr: Binary, scope: Scope) -> BoundExpr:
    row = _row_compared_with_null(expr, scope)
    if row is not None:
        return row
    left, right = bind_expression(expr.left, scope), bind_expression(expr.right, scope)
    return build_compare(CompareOperator(expr.operator), left, right, quoted(expr), scope)


def _row_compared_with_null(expr: Binary, scope: Scope) -> BoundExpr | None:
    """Bind the test that a related row exists: its key is null if there is none."""
    sides = (expr.left, expr.right)
    if expr.operator not in ("eq", "ne") or _NULL not in sides:
        return None
    other = sides[0] if sides[1] == _NULL else sides[1]
    found = find_row(other, scope) if isinstance(other, Name | Member) else None
    if found is None:
        return None
    key = Member(other, found.entity_type.key[0])
    return Compare(
        CompareOperator(expr.operator),
        bind_expression(key, scope),
        Constant(None, PrimitiveType.STRING),
    )


def _bind_arithmetic(expr: Binary, scope: Scope) -> BoundExpr:
    left, right = bind_expression(expr.left, scope), bind_expression(expr.right, scope)
    return build_arithmetic(ArithmeticOperator(expr.operator), left, right, quoted(expr), scope)


def _bind_in(expr: Binary, scope: Scope) -> BoundExpr:
    operand = bind_expression(expr.left, scope)
    if not isinstance(expr.right, ListExpr):
        raise _no_list(expr, scope)
    values: list[Constant] = []
    for item in expr.right.items:
        value = bind_expression(item, scope)
        if not isinstance(value, Constant):
            raise _no_list(expr, scope)
        values.append(value)
    return build_in(operand, tuple(values), f"{quoted(expr.left)} in (...)", scope)


def _no_list(expr: Binary, scope: Scope) -> GatewayError:
    left = quoted(expr.left)
    return NotSupported(
        f"{scope.option}: in takes a list of literals here, not {quoted(expr.right)}; write"
        f" {left} in ('a','b') or {left} eq ... or {left} eq ...",
        target=scope.option,
    )


def _bind_call(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Call)  # noqa: S101 - dispatched by type
    arguments = tuple(bind_expression(argument, scope) for argument in expr.arguments)
    return build_call(expr, arguments, scope)


def _bind_case(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Case)  # noqa: S101 - dispatched by type
    branches = tuple(
        (bind_predicate(condition, scope), bind_expression(value, scope))
        for condition, value in expr.branches
    )
    return build_case(expr, branches, scope)


def _bind_type_function(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Cast | IsOf)  # noqa: S101 - dispatched by type
    if expr.operand is None:
        raise scope.unsupported(expr)
    operand = bind_expression(expr.operand, scope)
    build = build_cast if isinstance(expr, Cast) else build_isof
    return build(expr, operand, scope)


def _bind_lambda(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Lambda)  # noqa: S101 - dispatched by type
    return bind_lambda(expr, scope, bind_predicate)


def _bind_count(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, CountOf)  # noqa: S101 - dispatched by type
    return bind_count(expr, scope, bind_predicate)


def bind_orderby(items: tuple[OrderItem, ...], scope: Scope) -> tuple[BoundOrder, ...]:
    """Bind the sort keys (Protocol 11.2.6.2); constants are dropped, because they sort nothing."""
    bound = ((bind_expression(item.expression, scope), item) for item in items)
    return tuple(
        BoundOrder(expr, item.descending) for expr, item in bound if not isinstance(expr, Constant)
    )


_BINDERS: dict[type, Callable[[Expr, Scope], BoundExpr]] = {
    Literal: _bind_literal,
    Name: _bind_name,
    Special: _bind_special,
    Member: _bind_name,
    Alias: _bind_alias,
    Unary: _bind_unary,
    Binary: _bind_binary,
    Call: _bind_call,
    Case: _bind_case,
    Cast: _bind_type_function,
    IsOf: _bind_type_function,
    Lambda: _bind_lambda,
    CountOf: _bind_count,
}
_NULL = Literal(LiteralKind.NULL, None)
