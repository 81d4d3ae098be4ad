"""Arithmetic on bound operands (URL Conventions 5.1.1.2): the type of the result, and constants.

Numbers: Edm.Double if one operand is one, else Edm.Decimal if one is, else Edm.Int64. `divby` is
an Edm.Decimal if its right side is a constant other than 0, else an Edm.Double, because only
that has INF. A result that is always null has the operation's type. Constant operands are computed
here, so that the planner sees `now sub P7D` as a value.
"""

from __future__ import annotations

from decimal import Decimal

from gateway.edm.types import PrimitiveType as T
from gateway.query.bind.comparisons import fits_decimal
from gateway.query.bind.constants import promote_constant
from gateway.query.bind.folding import fold
from gateway.query.bind.literals import as_duration
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import (
    Arithmetic,
    ArithmeticOperator,
    BoundExpr,
    Constant,
    Negate,
)

_Op = ArithmeticOperator
_TEMPORAL: dict[tuple[ArithmeticOperator, T, T], T] = {
    (_Op.ADD, T.DATE_TIME_OFFSET, T.DURATION): T.DATE_TIME_OFFSET,
    (_Op.ADD, T.DATE, T.DURATION): T.DATE,
    (_Op.ADD, T.DURATION, T.DURATION): T.DURATION,
    (_Op.SUB, T.DATE_TIME_OFFSET, T.DURATION): T.DATE_TIME_OFFSET,
    (_Op.SUB, T.DATE_TIME_OFFSET, T.DATE_TIME_OFFSET): T.DURATION,
    (_Op.SUB, T.DATE, T.DURATION): T.DATE,
    (_Op.SUB, T.DATE, T.DATE): T.DURATION,
    (_Op.SUB, T.DURATION, T.DURATION): T.DURATION,
}
_BESIDE_TEXT = (T.DATE_TIME_OFFSET, T.DATE, T.DURATION)


def build_arithmetic(
    operator: ArithmeticOperator, left: BoundExpr, right: BoundExpr, what: str, scope: Scope
) -> BoundExpr:
    """Build `left operator right`; `what` quotes it for messages.

    Raises:
        TypeMismatch: operands that have no such operation.
        InvalidValue: a constant result that does not exist or is out of range.
    """
    left, right = _beside(left, right), _beside(right, left)
    for operand in (left, right):
        _check_operand(operand, what, scope)
    type_ = _result(operator, left, right)
    if type_ is None:
        raise scope.mismatch(
            f"{what} is not defined for {left.type or 'null'} and {right.type or 'null'};"
            f"{_remedy(left, right)}"
        )
    if _is_null(left) or _is_null(right):
        return Constant(None, type_)
    left, right = _promoted(left, type_), _promoted(right, type_)
    if _divides_by_zero(operator, right, type_):
        raise scope.invalid(f"{what} divides by zero")
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _folded(operator, left, right, type_, what, scope)
    return Arithmetic(operator, left, right, type_)


def build_negation(operand: BoundExpr, what: str, scope: Scope) -> BoundExpr:
    """Build `-operand`; raise what `build_arithmetic` raises."""
    if operand.type is None:
        return Constant(None, T.INT64)
    if operand.type is T.DURATION or (operand.type is not None and operand.type.is_numeric):
        type_ = T.INT64 if operand.type is T.INT32 else operand.type
        if _is_null(operand):
            return Constant(None, type_)
        if not isinstance(operand, Constant):
            return Negate(operand, type_)
        minus_one = Constant(-1, T.INT64)
        return build_arithmetic(ArithmeticOperator.MUL, operand, minus_one, what, scope)
    raise scope.mismatch(f"{what}: a value of type {operand.type} cannot be negated")


def _is_null(expr: BoundExpr) -> bool:
    return isinstance(expr, Constant) and expr.value is None


def _beside(expr: BoundExpr, other: BoundExpr) -> BoundExpr:
    if isinstance(expr, Constant) and other.type in _BESIDE_TEXT:
        return as_duration(expr) or expr
    return expr


def _check_operand(operand: BoundExpr, what: str, scope: Scope) -> None:
    if not isinstance(operand, Constant):
        return
    if operand.picoseconds:
        raise scope.invalid(f"{what}: calculations allow at most six fractional digits")
    if isinstance(operand.value, Decimal) and not fits_decimal(operand.value):
        raise scope.invalid(f"{what}: calculations allow at most 38 digits")


def _result(operator: ArithmeticOperator, left: BoundExpr, right: BoundExpr) -> T | None:
    """Return the type of the result; an operand that is null has the type of the other."""
    a, b = left.type or right.type or T.INT64, right.type or left.type or T.INT64
    if a.is_numeric and b.is_numeric:
        return _number(operator, a, b, right)
    if operator is _Op.MUL and T.DURATION in (a, b) and (a.is_numeric or b.is_numeric):
        return T.DURATION
    if operator is _Op.DIV and a is T.DURATION and b.is_numeric:
        return T.DURATION
    found = _TEMPORAL.get((operator, a, b))
    if found is None and None in (left.type, right.type) and a in _BESIDE_TEXT:
        return a
    return found


def _number(operator: ArithmeticOperator, a: T, b: T, right: BoundExpr) -> T:
    if T.DOUBLE in (a, b):
        return T.DOUBLE
    if operator is _Op.DIVBY:
        return T.DECIMAL if isinstance(right, Constant) and right.value else T.DOUBLE
    return T.DECIMAL if T.DECIMAL in (a, b) else T.INT64


def _promoted(operand: BoundExpr, type_: T) -> BoundExpr:
    if type_ is T.DOUBLE and isinstance(operand, Constant):
        return promote_constant(operand, T.DOUBLE)
    return operand


def _divides_by_zero(operator: ArithmeticOperator, right: BoundExpr, type_: T) -> bool:
    divides = operator in (_Op.DIV, _Op.MOD)
    zero = isinstance(right, Constant) and right.value is not None and not right.value
    return divides and zero and type_ is not T.DOUBLE


def _folded(
    operator: ArithmeticOperator,
    left: Constant,
    right: Constant,
    type_: T,
    what: str,
    scope: Scope,
) -> Constant:
    try:
        return Constant(fold(operator, left.value, right.value, type_), type_)
    except (OverflowError, ValueError) as error:
        raise scope.invalid(f"{what} is out of range") from error


def _remedy(left: BoundExpr, right: BoundExpr) -> str:
    for constant, other in ((left, right), (right, left)):
        if not isinstance(constant, Constant) or constant.type is not T.STRING:
            continue
        if other.type is not None and other.type.is_numeric:
            return " write the number without quotes"
        if other.type in _BESIDE_TEXT:
            return " write a duration as duration'P14D' or 'PT1H'"
    if T.DURATION in (left.type, right.type):
        return " write the date or instant first, then the duration"
    return " calculate with numbers, durations, dates and instants"
