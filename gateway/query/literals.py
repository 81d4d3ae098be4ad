"""Literals of the language -> typed constants of the model (URL Conventions 5.1.1.14.1)."""

from __future__ import annotations

import re
from decimal import Decimal

from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue, NotSupported, TypeMismatch
from gateway.query.bound import BoundExpr, Constant, Value
from grammar import Literal, LiteralKind, unparse
from grammar.literals import to_date, to_datetime

_TOO_FINE = re.compile(r"\.[0-9]{6}[0-9]*[1-9]")
_INT64 = range(-(2**63), 2**63)
_SIMPLE = {
    LiteralKind.BOOLEAN: PrimitiveType.BOOLEAN,
    LiteralKind.DECIMAL: PrimitiveType.DECIMAL,
    LiteralKind.DOUBLE: PrimitiveType.DOUBLE,
    LiteralKind.STRING: PrimitiveType.STRING,
}


def bind_literal(literal: Literal) -> Constant:
    """The constant of a literal; integers are Edm.Int64, or Edm.Decimal when larger.

    Raises:
        InvalidValue: an instant outside the years 1 to 9999 or finer than a microsecond.
        NotSupported: a literal of a type that no property has.
    """
    if literal.kind is LiteralKind.NULL:
        return Constant(None, None)
    if literal.kind in _SIMPLE:
        return Constant(_plain(literal), _SIMPLE[literal.kind])
    if isinstance(literal.value, int):
        return _integer(literal.value)
    if literal.kind is LiteralKind.DATE_TIME_OFFSET:
        return Constant(_instant(literal), PrimitiveType.DATE_TIME_OFFSET)
    if literal.kind is LiteralKind.DATE:
        return Constant(_date(literal), PrimitiveType.DATE)
    raise NotSupported(
        f"$filter: {unparse(literal)} is a literal of type {literal.type_name or literal.kind},"
        " which no property of this service has",
        target="$filter",
    )


def _plain(literal: Literal) -> Value:
    assert literal.value is not None  # noqa: S101 - only the null literal has no value
    return literal.value


def _integer(value: int) -> Constant:
    if value in _INT64:
        return Constant(value, PrimitiveType.INT64)
    return Constant(Decimal(value), PrimitiveType.DECIMAL)


def _date(literal: Literal) -> Value:
    """Its text, which compares as the date does within the years that it is held to."""
    try:
        return to_date(str(literal.value)).isoformat()
    except ValueError as error:
        raise InvalidValue(
            f"$filter: {literal.value} cannot be used: dates reach from the year 1 to 9999",
            target="$filter",
        ) from error


def _instant(literal: Literal) -> Value:
    text = str(literal.value)
    fault = InvalidValue(
        f"$filter: {text} cannot be used: instants reach from the year 1 to 9999 with at most six"
        " fractional digits",
        target="$filter",
    )
    if _TOO_FINE.search(text):
        raise fault
    try:
        return to_datetime(text)
    except ValueError as error:
        raise fault from error


def check_comparable(left: BoundExpr, right: BoundExpr, what: str) -> None:
    """Refuse operands that OData does not compare; null goes with everything.

    Raises:
        TypeMismatch: names both types and, where one slip is usual, the way out.
    """
    if left.type is None or right.type is None or left.type.comparable_with(right.type):
        return
    raise TypeMismatch(
        f"$filter: {what} compares {left.type} with {right.type}{_remedy(left, right)}",
        target="$filter",
    )


def _remedy(left: BoundExpr, right: BoundExpr) -> str:
    for constant, other in ((left, right), (right, left)):
        if not isinstance(constant, Constant) or other.type is None:
            continue
        if constant.type is PrimitiveType.DATE and other.type is PrimitiveType.DATE_TIME_OFFSET:
            return f"; write {constant.value}T00:00:00Z"
        if constant.type is PrimitiveType.STRING and isinstance(constant.value, str):
            return f"; write {constant.value or 'the value'} without quotes"
        if other.type is PrimitiveType.STRING:
            return f"; text stands in single quotes: '{str(constant.value).lower()}'"
    return ""
