"""Arithmetic on constants, with the same results as the engine's on rows.

Integers truncate and stay in 64 bits, decimals have at most 38 digits and quotients 12 fractional
digits, Doubles follow IEEE 754, a duration is a whole number of microseconds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any

from gateway.edm.types import PrimitiveType
from gateway.query.bind.comparisons import fits_decimal
from gateway.query.bind.literals import INT64, MICROSECOND
from gateway.query.tree.expressions import ArithmeticOperator, Value

_DAY = timedelta(days=1)
_QUOTIENT = Decimal("1e-12")
_WIDE = Context(prec=100, traps=[])
_RING: dict[ArithmeticOperator, Callable[[Any, Any], Any]] = {
    ArithmeticOperator.ADD: operator.add,
    ArithmeticOperator.SUB: operator.sub,
    ArithmeticOperator.MUL: operator.mul,
}


def fold(operator_: ArithmeticOperator, left: Any, right: Any, type_: PrimitiveType) -> Value:
    """Compute the operation; its types were checked and its divisor is not 0.

    Raises:
        OverflowError, ValueError: the result is out of range.

    >>> fold(ArithmeticOperator.DIV, -5, 2, PrimitiveType.INT64)
    -2
    """
    match type_:
        case PrimitiveType.INT64:
            return _checked(_integers(operator_, left, right))
        case PrimitiveType.DECIMAL:
            return _decimals(operator_, Decimal(left), Decimal(right))
        case PrimitiveType.DOUBLE:
            return _doubles(operator_, float(left), float(right))
        case _:
            return _temporal(operator_, left, right)


def _checked(value: int) -> int:
    if value not in INT64:
        raise OverflowError(value)
    return value


def _integers(operator_: ArithmeticOperator, left: int, right: int) -> int:
    if operator_ in _RING:
        return int(_RING[operator_](left, right))
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return quotient if operator_ is ArithmeticOperator.DIV else left - quotient * right


def _decimals(operator_: ArithmeticOperator, left: Decimal, right: Decimal) -> Decimal:
    match operator_:
        case ArithmeticOperator.ADD:
            value = _WIDE.add(left, right)
        case ArithmeticOperator.SUB:
            value = _WIDE.subtract(left, right)
        case ArithmeticOperator.MUL:
            value = _WIDE.multiply(left, right)
        case ArithmeticOperator.MOD:
            value = _WIDE.remainder(left, right)
        case _:
            value = _WIDE.divide(left, right).quantize(_QUOTIENT, ROUND_DOWN, _WIDE)
    if not value.is_finite() or not fits_decimal(value):
        raise OverflowError(value)
    return value


def _doubles(operator_: ArithmeticOperator, left: float, right: float) -> float:
    if operator_ in _RING:
        return float(_RING[operator_](left, right))
    if operator_ is ArithmeticOperator.MOD:
        undefined = right == 0 or math.isinf(left)
        return math.nan if undefined else math.fmod(left, right)
    if right != 0:
        return left / right
    sign = math.copysign(1, left) * math.copysign(1, right)
    return math.nan if left == 0 or math.isnan(left) else sign * math.inf


def _temporal(operator_: ArithmeticOperator, left: Any, right: Any) -> Value:
    if isinstance(left, datetime):
        result: Value = _RING[operator_](left, right)
    elif isinstance(left, date) and isinstance(right, timedelta):
        days = _integers(ArithmeticOperator.DIV, right // MICROSECOND, _DAY // MICROSECOND)
        result = _RING[operator_](left, timedelta(days=days))
    elif not isinstance(right, timedelta | date):
        result = _scaled(operator_, left, right)
    elif isinstance(right, timedelta) and not isinstance(left, timedelta | date):
        result = _scaled(operator_, right, left)
    else:
        result = _RING[operator_](left, right)
    if isinstance(result, timedelta):
        _checked(result // MICROSECOND)
    return result


def _scaled(operator_: ArithmeticOperator, duration: timedelta, number: Any) -> timedelta:
    """Multiply or divide a duration: whole microseconds, truncated when divided by an integer."""
    count = duration // MICROSECOND
    if isinstance(number, int):
        return _checked(_integers(operator_, count, number)) * MICROSECOND
    try:
        exact = _WIDE.multiply if operator_ is ArithmeticOperator.MUL else _WIDE.divide
        value = exact(Decimal(count), Decimal(number))
        return _checked(int(value.to_integral_value(ROUND_HALF_UP))) * MICROSECOND
    except DecimalException as error:
        raise OverflowError(number) from error
