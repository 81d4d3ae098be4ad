"""Expressions: names -> properties, literals -> typed constants, every type checked.

The input is the grammar's tree, the output `gateway.query.bound`. What OData allows and this
service does not evaluate is refused by name (501), so that a BI tool folds less and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from gateway.edm.model import EntityType, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import (
    GatewayError,
    InvalidSyntax,
    LimitExceeded,
    NotSupported,
    TypeMismatch,
    UnknownName,
)
from gateway.query.bound import (
    And,
    BoundExpr,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    Element,
    In,
    Not,
    Or,
    Quantified,
    TextMatch,
)
from gateway.query.constants import compare_constants, promote, promote_constant
from gateway.query.literals import bind_literal, check_comparable
from gateway.query.suggest import nearest
from grammar import (
    Alias,
    Binary,
    Call,
    Expr,
    Lambda,
    ListExpr,
    Literal,
    Member,
    Name,
    Special,
    Unary,
    unparse,
)

TEXT_FUNCTIONS = ("contains", "endswith", "startswith")
_COMPARISONS = frozenset(CompareOperator)
_MAX_ALIAS_USES = 100
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the entity type, the aliases of the URL, the lambda variable if inside one.

    `option` names the option for messages; `open_aliases` are being resolved, to refuse a circle.
    `alias_uses` runs out: aliases of aliases could spell an expression larger than any URL.
    `depth` counts how deep the expression is; a chain of one connective is one level.
    """

    entity_type: EntityType
    aliases: tuple[tuple[str, Expr], ...] = ()
    option: str = "$filter"
    variable: str | None = None
    element: PrimitiveType | None = None
    open_aliases: frozenset[str] = frozenset()
    alias_uses: Iterator[int] = field(default_factory=lambda: iter(range(_MAX_ALIAS_USES)))
    depth: int = 0


def bind_predicate(expr: Expr, scope: Scope) -> BoundExpr:
    """Bind an expression that must be Boolean, as $filter and lambda predicates are.

    Raises:
        UnknownName, TypeMismatch, InvalidValue: 400.
        NotSupported: legal OData that is not evaluated here, 501.
    """
    bound = bind_expression(expr, scope)
    if bound.type not in (PrimitiveType.BOOLEAN, None):
        raise TypeMismatch(
            f"{scope.option}: {_quote(expr)} is of type {bound.type}; a condition is needed here,"
            f" e.g. {_quote(expr)} eq ...",
            target=scope.option,
        )
    return bound


def bind_expression(expr: Expr, scope: Scope) -> BoundExpr:
    """Bind any expression; see `bind_predicate` for what it raises."""
    binder = _BINDERS.get(type(expr))
    if binder is None:
        raise _unsupported(expr, scope)
    if scope.depth >= _MAX_DEPTH:
        raise LimitExceeded(
            f"{scope.option}: the expression is nested more than {_MAX_DEPTH} levels deep; simplify"
            " it",
            target=scope.option,
        )
    return binder(expr, replace(scope, depth=scope.depth + 1))


def bind_property(expr: Expr, scope: Scope) -> Property:
    """A path that must lead to one property, such as `state` or `$it/state`."""
    match expr:
        case Name(name) | Member(Special("$it"), name):
            return find_property(name, scope)
        case _:
            raise _unsupported(expr, scope)


def find_property(name: str, scope: Scope) -> Property:
    """The property `name`.

    Raises:
        UnknownName: with the nearest name that exists.
    """
    found = scope.entity_type.find(name)
    if found is None:
        hint = nearest(name, scope.entity_type.names)
        if not hint and scope.option == "$filter":
            hint = f"; text stands in single quotes: '{name}'"
        raise UnknownName(
            f"{scope.option}: {scope.entity_type.name} has no property {name!r}{hint}",
            target=scope.option,
        )
    return found


def _bind_literal(expr: Expr, scope: Scope) -> BoundExpr:
    del scope
    assert isinstance(expr, Literal)  # noqa: S101 - dispatched by type
    return bind_literal(expr)


def _bind_name(expr: Expr, scope: Scope) -> BoundExpr:
    if isinstance(expr, Name) and expr.name == scope.variable:
        assert scope.element is not None  # noqa: S101 - set together with the variable
        return Element(scope.element)
    found = bind_property(expr, scope)
    if found.collection:
        raise TypeMismatch(
            f"{scope.option}: {found.name} is a collection; ask for its elements, e.g."
            f" {found.name}/any(x:x eq ...)",
            target=scope.option,
        )
    return ColumnRef(found)


def _bind_alias(expr: Expr, scope: Scope) -> BoundExpr:
    """An alias without a value is null (URL Conventions 5.3)."""
    assert isinstance(expr, Alias)  # noqa: S101 - dispatched by type
    if expr.name in scope.open_aliases:
        raise InvalidSyntax(
            f"@{expr.name}: the parameter alias refers to itself; give it a value of its own",
            target=f"@{expr.name}",
        )
    value = dict(scope.aliases).get(expr.name)
    if value is None:
        return Constant(None, None)
    if next(scope.alias_uses, None) is None:
        raise LimitExceeded(
            f"{scope.option}: parameter aliases are used more than {_MAX_ALIAS_USES} times; write"
            " their values out or ask for less at once",
            target=scope.option,
        )
    return bind_expression(value, replace(scope, open_aliases=scope.open_aliases | {expr.name}))


def _bind_unary(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Unary)  # noqa: S101 - dispatched by type
    if expr.operator != "not":
        raise _unsupported(expr, scope)
    return Not(bind_predicate(expr.operand, scope))


def _bind_binary(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Binary)  # noqa: S101 - dispatched by type
    if expr.operator in ("and", "or"):
        terms = tuple(bind_predicate(term, scope) for term in _flatten(expr))
        return And(terms) if expr.operator == "and" else Or(terms)
    if expr.operator in _COMPARISONS:
        return _bind_compare(expr, scope)
    if expr.operator == "in":
        return _bind_in(expr, scope)
    raise _unsupported(expr, scope)


def _flatten(expr: Binary) -> list[Expr]:
    """The terms of a chain of one connective, in order; chains lean to the left."""
    terms: list[Expr] = []
    node: Expr = expr
    while isinstance(node, Binary) and node.operator == expr.operator:
        terms.append(node.right)
        node = node.left
    return [node, *reversed(terms)]


def _bind_compare(expr: Binary, scope: Scope) -> BoundExpr:
    left, right = bind_expression(expr.left, scope), bind_expression(expr.right, scope)
    check_comparable(left, right, _quote(expr))
    comparison = CompareOperator(expr.operator)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Constant(compare_constants(comparison, left, right), PrimitiveType.BOOLEAN)
    return Compare(comparison, promote(left, right), promote(right, left))


def _bind_in(expr: Binary, scope: Scope) -> BoundExpr:
    operand = bind_expression(expr.left, scope)
    if not isinstance(expr.right, ListExpr):
        raise _no_list(expr, scope)
    values: list[Constant] = []
    for item in expr.right.items:
        value = bind_expression(item, scope)
        if not isinstance(value, Constant):
            raise _no_list(expr, scope)
        check_comparable(operand, value, f"{_quote(expr.left)} in (...)")
        values.append(promote_constant(value, operand.type))
    if isinstance(operand, Constant):
        found = any(compare_constants(CompareOperator.EQ, operand, value) for value in values)
        return Constant(found, PrimitiveType.BOOLEAN)
    return In(operand, tuple(values))


def _no_list(expr: Binary, scope: Scope) -> GatewayError:
    left = _quote(expr.left)
    return NotSupported(
        f"{scope.option}: in takes a list of literals here, not {_quote(expr.right)}; write"
        f" {left} in ('a','b') or {left} eq ... or {left} eq ...",
        target=scope.option,
    )


def _bind_call(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Call)  # noqa: S101 - dispatched by type
    if expr.name not in TEXT_FUNCTIONS:
        raise _unsupported(expr, scope)
    if len(expr.arguments) != 2:
        raise TypeMismatch(
            f"{scope.option}: {expr.name} takes two arguments: {expr.name}(text,part)",
            target=scope.option,
        )
    text, part = (bind_expression(argument, scope) for argument in expr.arguments)
    for argument, bound in zip(expr.arguments, (text, part), strict=True):
        if bound.type not in (PrimitiveType.STRING, None):
            raise TypeMismatch(
                f"{scope.option}: {expr.name} takes text, but {_quote(argument)} is of type"
                f" {bound.type}",
                target=scope.option,
            )
    return TextMatch(expr.name, text, part)


def _bind_lambda(expr: Expr, scope: Scope) -> BoundExpr:
    assert isinstance(expr, Lambda)  # noqa: S101 - dispatched by type
    if scope.variable is not None:
        raise NotSupported(
            f"{scope.option}: any and all inside another any or all are not supported",
            target=scope.option,
        )
    found = bind_property(expr.base, scope)
    if not found.collection:
        raise TypeMismatch(
            f"{scope.option}: {found.name} is a single value, {expr.quantifier} needs a collection",
            target=scope.option,
        )
    if expr.predicate is None:
        return Quantified(found, expr.quantifier, None)
    inner = replace(scope, variable=expr.variable, element=found.type)
    return Quantified(found, expr.quantifier, bind_predicate(expr.predicate, inner))


def _unsupported(expr: Expr, scope: Scope) -> GatewayError:
    return NotSupported(
        f"{scope.option}: {_quote(expr)} uses {_feature(expr)}, which this service does not"
        " evaluate; leave it to the client",
        target=scope.option,
    )


def _feature(expr: Expr) -> str:
    match expr:
        case Call(name, _):
            return f"the function {name}"
        case Binary(operator, _, _) | Unary(operator, _):
            return f"the operator {operator}"
        case _:
            return f"the construct {type(expr).__name__}"


def _quote(expr: Expr) -> str:
    text = unparse(expr)
    return text if len(text) <= 80 else f"{text[:77]}..."


_BINDERS: dict[type, Callable[[Expr, Scope], BoundExpr]] = {
    Literal: _bind_literal,
    Name: _bind_name,
    Member: _bind_name,
    Alias: _bind_alias,
    Unary: _bind_unary,
    Binary: _bind_binary,
    Call: _bind_call,
    Lambda: _bind_lambda,
}
