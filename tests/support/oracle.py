"""A brute-force evaluation of $filter, $orderby, $skip and $top over plain Python rows.

Written from the standard (URL Conventions 5.1.1, Protocol 11.2.6) on the grammar's syntax tree; it
shares nothing with the gateway. A row maps names to None, str, bool, int, float, an aware datetime
or a list of these; navigation properties to a row, or to a list of rows. Null is None, and logic is
three-valued.
"""

from __future__ import annotations

import operator
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from grammar import (
    Alias,
    Binary,
    Call,
    Case,
    CountOf,
    Expr,
    FilteredBy,
    Lambda,
    ListExpr,
    Literal,
    LiteralKind,
    Member,
    Name,
    OrderItem,
    Special,
    Unary,
    parse_expression,
    parse_filter,
    parse_orderby,
)
from tests.support.oracle_values import (
    called,
    computed,
    duration_of,
    instant_of,
    negated,
    value_of,
)

Row = Mapping[str, Any]
Scope = Mapping[str, Any]
"""What names mean: the row's properties and, inside any or all, the variable."""

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def matching(
    rows: Iterable[Row], filter_: str | None, aliases: Mapping[str, str] | None = None
) -> list[Row]:
    """The rows for which the text of a $filter is true; null drops the row."""
    if filter_ is None:
        return list(rows)
    tree = parse_filter(filter_)
    named = {name: parse_expression(text) for name, text in (aliases or {}).items()}
    return [row for row in rows if evaluate(tree, row, named) is True]


def ordered(rows: Iterable[Row], orderby: str) -> list[Row]:
    """Rows sorted by the text of a $orderby: null first ascending, last descending."""
    return in_order(rows, parse_orderby(orderby))


def in_order(
    rows: Iterable[Row], items: Sequence[OrderItem], aliases: Mapping[str, Expr] | None = None
) -> list[Row]:
    """The same of a syntax tree."""
    result = list(rows)
    for item in reversed(items):
        result = _sorted_by(item, result, aliases or {})
    return result


def window(rows: list[Row], skip: int | None, top: int | None) -> list[Row]:
    """$skip before $top."""
    rest = rows[skip or 0 :]
    return rest if top is None else rest[:top]


def evaluate(expr: Expr, scope: Scope, aliases: Mapping[str, Expr]) -> Any:
    """The value of an expression, in the types of `tests.support.oracle_values`."""
    match expr:
        case Literal():
            return _literal(expr)
        case Name() | Special() | Member() | CountOf() | FilteredBy():
            return _at(expr, scope, aliases)
        case Alias(name):
            return evaluate(aliases[name], scope, aliases) if name in aliases else None
        case Unary("not", operand):
            return _not(evaluate(operand, scope, aliases))
        case Unary("-", operand):
            return negated(evaluate(operand, scope, aliases))
        case Binary():
            return _binary(expr, scope, aliases)
        case Call(name, arguments):
            return called(name, [evaluate(argument, scope, aliases) for argument in arguments])
        case Case(branches):
            taken = (v for c, v in branches if evaluate(c, scope, aliases) is True)
            return next((evaluate(value, scope, aliases) for value in taken), None)
        case Lambda():
            return _quantified(expr, scope, aliases)
        case _:
            raise NotImplementedError(repr(expr))


def _literal(literal: Literal) -> Any:
    match literal.kind:
        case LiteralKind.DATE_TIME_OFFSET:
            return instant_of(str(literal.value))
        case LiteralKind.DATE:
            return date.fromisoformat(str(literal.value))
        case LiteralKind.DURATION:
            return duration_of(str(literal.value))
        case _:
            return literal.value


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _binary(expr: Binary, scope: Scope, aliases: Mapping[str, Expr]) -> Any:
    left = evaluate(expr.left, scope, aliases)
    if expr.operator == "in":
        assert isinstance(expr.right, ListExpr)
        items = (evaluate(item, scope, aliases) for item in expr.right.items)
        return any(_equal(left, item) for item in items)
    right = evaluate(expr.right, scope, aliases)
    match expr.operator:
        case "and":
            return _and(left, right)
        case "or":
            return _not(_and(_not(left), _not(right)))
        case "eq":
            return _equal(left, right)
        case "ne":
            return not _equal(left, right)
        case "add" | "sub" | "mul" | "div" | "divby" | "mod":
            return computed(expr.operator, left, right)
        case _:
            a, b = _promoted(left, right)
            return a is not None and b is not None and _ORDERED[expr.operator](a, b)


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _equal(left: Any, right: Any) -> bool:
    """Null equals null and nothing else; NaN equals nothing."""
    a, b = _promoted(left, right)
    return bool(a == b)


def _promoted(left: Any, right: Any) -> tuple[Any, Any]:
    """A Double beside another number: both are Doubles (5.1.1.1.11)."""
    pair = (left, right)
    numeric = all(isinstance(value, int | float | Decimal) for value in pair)
    if numeric and any(isinstance(value, float) for value in pair):
        return float(left), float(right)
    return pair


def _at(
    path: Name | Special | Member | CountOf | FilteredBy, scope: Scope, aliases: Mapping[str, Expr]
) -> Any:
    """What a path leads to; behind a row that is missing there is null."""
    match path:
        case Name(name) | Special(name) | Member(Special("$it"), name):
            return value_of(scope[name])
        case Member(base, name):
            row = evaluate(base, scope, aliases)
            return None if row is None else value_of(row[name])
        case _:
            return _of_collection(path, scope, aliases)


def _of_collection(expr: CountOf | FilteredBy, scope: Scope, aliases: Mapping[str, Expr]) -> Any:
    """How many elements there are, or those for which a predicate is true."""
    elements = evaluate(expr.base, scope, aliases)
    predicate = expr.filter if isinstance(expr, CountOf) else expr.predicate
    if predicate is not None:
        elements = [e for e in elements if evaluate(predicate, _inside(e), aliases) is True]
    return len(elements) if isinstance(expr, CountOf) else elements


def _inside(element: Any) -> Scope:
    """What names mean in a condition on an element."""
    return element if isinstance(element, Mapping) else {"$this": element}


def _quantified(expr: Lambda, scope: Scope, aliases: Mapping[str, Expr]) -> bool:
    elements = evaluate(expr.base, scope, aliases)
    if expr.predicate is None or expr.variable is None:
        return len(elements) > 0
    holds = [
        evaluate(expr.predicate, ChainMap({expr.variable: element}, scope), aliases) is True  # type: ignore[arg-type]  # read only
        for element in elements
    ]
    return any(holds) if expr.quantifier == "any" else all(holds)


def _sorted_by(item: OrderItem, rows: list[Row], aliases: Mapping[str, Expr]) -> list[Row]:
    def key(row: Row) -> tuple[bool, Any]:
        value = evaluate(item.expression, row, aliases)
        return (False, 0) if value is None else (True, value)

    return sorted(rows, key=key, reverse=item.descending)
