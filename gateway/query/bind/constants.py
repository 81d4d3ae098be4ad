"""Numeric promotion and comparison of constants (URL Conventions 5.1.1.1 and 5.1.1.16).

This happens once, at binding: the planner's sets and the engine's SQL then see a constant in the
type of the column that it is compared with, and cannot disagree on where 0.1 lies.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from gateway.edm.types import PrimitiveType
from gateway.query.tree.expressions import BoundExpr, CompareOperator, Constant

_INTEGERS = (PrimitiveType.INT32, PrimitiveType.INT64)
_BEYOND = Decimal(2**64)
_OPERATIONS: dict[CompareOperator, Callable[[Any, Any], bool]] = {
    CompareOperator.LT: operator.lt,
    CompareOperator.LE: operator.le,
    CompareOperator.GT: operator.gt,
    CompareOperator.GE: operator.ge,
}


def promote(expr: BoundExpr, other: BoundExpr) -> BoundExpr:
    """Return a numeric constant as it compares with `other`; everything else unchanged."""
    if isinstance(expr, Constant) and not isinstance(other, Constant):
        return promote_constant(expr, other.type)
    return expr


def promote_constant(constant: Constant, wanted: PrimitiveType | None) -> Constant:
    """Return the constant to compare with a value of type `wanted`, with the same result.

    >>> promote_constant(Constant(Decimal("0.1"), PrimitiveType.DECIMAL), PrimitiveType.DOUBLE)
    Constant(value=0.1, type=<PrimitiveType.DOUBLE: 'Edm.Double'>, picoseconds=0)
    >>> _beside_integers(Decimal("7.25")).value
    Decimal('7.5')
    """
    match constant.value:
        case bool() | None:
            return constant
        case int() | Decimal() as number if wanted is PrimitiveType.DOUBLE:
            return Constant(float(number), PrimitiveType.DOUBLE)
        case Decimal() as number if wanted in _INTEGERS:
            return _beside_integers(number)
        case _:
            return constant


def _beside_integers(number: Decimal) -> Constant:
    """Return a number of few digits, which SQL's decimals hold, between the same integers."""
    clamped = max(-_BEYOND, min(_BEYOND, number))
    whole = clamped.to_integral_value(ROUND_FLOOR)
    if whole != clamped:
        return Constant(whole + Decimal("0.5"), PrimitiveType.DECIMAL)
    if abs(whole) < _BEYOND / 2:
        return Constant(int(whole), PrimitiveType.INT64)
    return Constant(whole, PrimitiveType.DECIMAL)


def compare_constants(comparison: CompareOperator, left: Constant, right: Constant) -> bool:
    """Return the result of the comparison; null follows the rules of `Compare`.

    >>> compare_constants(CompareOperator.GE, Constant(None, None), Constant(None, None))
    False
    """
    a, b = _pair(left.value, right.value)
    if left.picoseconds or right.picoseconds:
        a, b = _exact(left), _exact(right)
    match comparison:
        case CompareOperator.EQ:
            return bool(a == b)
        case CompareOperator.NE:
            return bool(a != b)
        case _:
            return a is not None and b is not None and _OPERATIONS[comparison](a, b)


def _exact(instant: Constant) -> tuple[Any, int] | None:
    return None if instant.value is None else (instant.value, instant.picoseconds)


def _pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Promote both to Double if one of two numbers is a Double."""
    if isinstance(left, float) and isinstance(right, int | Decimal):
        return left, float(right)
    if isinstance(right, float) and isinstance(left, int | Decimal):
        return float(left), right
    return left, right
