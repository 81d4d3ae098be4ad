"""A brute-force evaluation of $filter, $orderby, $skip and $top over plain Python rows.

Written from the standard (URL Conventions 5.1.1, Protocol 11.2.6) on the grammar's syntax tree; it
shares nothing with the gateway. A row maps names to None, str, bool, int, float, an aware datetime
or a list of these. Null is None, and logic is three-valued.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from grammar import (
    Alias,
    Binary,
    Call,
    Expr,
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

Row = Mapping[str, Any]
Scope = Mapping[str, Any]
"""What names mean: the row's properties and, inside any or all, the variable."""

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


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
    result = list(rows)
    for item in reversed(parse_orderby(orderby)):
        result = _sorted_by(item, result)
    return result


def window(rows: list[Row], skip: int | None, top: int | None) -> list[Row]:
    """$skip before $top."""
    rest = rows[skip or 0 :]
    return rest if top is None else rest[:top]


def evaluate(expr: Expr, scope: Scope, aliases: Mapping[str, Expr]) -> Any:
    """The value of an expression; instants as fractions of seconds since the year 1."""
    match expr:
        case Literal(kind, value):
            return _instant(str(value)) if kind is LiteralKind.DATE_TIME_OFFSET else value
        case Name(name) | Member(Special("$it"), name):
            return _value(scope[name])
        case Alias(name):
            return evaluate(aliases[name], scope, aliases) if name in aliases else None
        case Unary("not", operand):
            return _not(evaluate(operand, scope, aliases))
        case Binary():
            return _binary(expr, scope, aliases)
        case Call(name, (text, part)):
            return _text(name, evaluate(text, scope, aliases), evaluate(part, scope, aliases))
        case Lambda():
            return _quantified(expr, scope, aliases)
        case _:
            raise NotImplementedError(repr(expr))


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return Fraction((value - _EPOCH) // timedelta(microseconds=1), 1_000_000)
    return value


def _instant(text: str) -> Fraction:
    """`2024-01-01T01:00:00.5+01:00` with any number of digits."""
    clock, offset = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, _, digits = clock.partition(".")
    local = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    shift = (int(offset[1:3]) * 60 + int(offset[4:6])) * (-60 if offset[0] == "+" else 60)
    return Fraction((local - _EPOCH) // timedelta(seconds=1) + shift) + Fraction(f"0.{digits or 0}")


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _binary(expr: Binary, scope: Scope, aliases: Mapping[str, Expr]) -> bool | None:
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


def _text(name: str, text: str | None, part: str | None) -> bool | None:
    return None if text is None or part is None else _TEXT[name](text, part)


def _quantified(expr: Lambda, scope: Scope, aliases: Mapping[str, Expr]) -> bool:
    assert isinstance(expr.base, Name)
    elements = scope[expr.base.name]
    if expr.predicate is None or expr.variable is None:
        return len(elements) > 0
    holds = [
        evaluate(expr.predicate, {**scope, expr.variable: element}, aliases) is True
        for element in elements
    ]
    return any(holds) if expr.quantifier == "any" else all(holds)


def _sorted_by(item: OrderItem, rows: list[Row]) -> list[Row]:
    def key(row: Row) -> tuple[bool, Any]:
        value = evaluate(item.expression, row, {})
        return (False, 0) if value is None else (True, value)

    return sorted(rows, key=key, reverse=item.descending)
