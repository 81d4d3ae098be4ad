"""Comparisons of bound operands: which types go together, and what is known at once.

URL Conventions 5.1.1.1. What compares two constants is decided here, once.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from gateway.edm.types import PrimitiveType
from gateway.query.bind.constants import compare_constants, promote, promote_constant
from gateway.query.bind.literals import as_duration
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import BoundExpr, Compare, CompareOperator, Constant, In

_DIGITS = 38
_BESIDE_A_FRACTION = {
    CompareOperator.GE: CompareOperator.GT,
    CompareOperator.LT: CompareOperator.LE,
}


def build_compare(
    operator: CompareOperator, left: BoundExpr, right: BoundExpr, what: str, scope: Scope
) -> BoundExpr:
    """`left operator right`; `what` quotes it for messages.

    Raises:
        TypeMismatch: operands that OData does not compare.
        InvalidValue: a decimal with more digits than can be compared with a computed one.
    """
    left, right = _beside_duration(left, right), _beside_duration(right, left)
    check_comparable(left, right, what, scope)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Constant(compare_constants(operator, left, right), PrimitiveType.BOOLEAN)
    _check_digits(left, right, scope)
    _check_digits(right, left, scope)
    if isinstance(left, Constant) and left.picoseconds:
        return _beside_a_fraction(operator.mirrored, right, left)
    if isinstance(right, Constant) and right.picoseconds:
        return _beside_a_fraction(operator, left, right)
    return Compare(operator, promote(left, right), promote(right, left))


def build_in(
    operand: BoundExpr, values: tuple[Constant, ...], what: str, scope: Scope
) -> BoundExpr:
    """`operand in (values)`; raises what `build_compare` raises."""
    values = tuple(_constant_beside_duration(value, operand) for value in values)
    for value in values:
        check_comparable(operand, value, what, scope)
        _check_digits(value, operand, scope)
    if isinstance(operand, Constant):
        found = any(compare_constants(CompareOperator.EQ, operand, value) for value in values)
        return Constant(found, PrimitiveType.BOOLEAN)
    kept = (value for value in values if not value.picoseconds)
    return In(operand, tuple(promote_constant(value, operand.type) for value in kept))


def _beside_a_fraction(operator: CompareOperator, left: BoundExpr, right: Constant) -> BoundExpr:
    """Instants have whole microseconds, so one between two of them equals none.

    >>> from datetime import UTC
    >>> fine = Constant(datetime(2024, 1, 1, tzinfo=UTC), PrimitiveType.DATE_TIME_OFFSET, 1)
    >>> _beside_a_fraction(CompareOperator.EQ, fine, fine).value
    False
    """
    if operator in (CompareOperator.EQ, CompareOperator.NE):
        return Constant(operator is CompareOperator.NE, PrimitiveType.BOOLEAN)
    floor = Constant(right.value, right.type)
    return Compare(_BESIDE_A_FRACTION.get(operator, operator), left, floor)


def _beside_duration(expr: BoundExpr, other: BoundExpr) -> BoundExpr:
    return _constant_beside_duration(expr, other) if isinstance(expr, Constant) else expr


def _constant_beside_duration(constant: Constant, other: BoundExpr) -> Constant:
    if other.type is not PrimitiveType.DURATION:
        return constant
    return as_duration(constant) or constant


def _check_digits(constant: BoundExpr, other: BoundExpr, scope: Scope) -> None:
    """Computed decimals have 38 digits; DuckDB would compare a longer one as a Double."""
    if other.type is not PrimitiveType.DECIMAL or not isinstance(constant, Constant):
        return
    if isinstance(constant.value, Decimal) and not fits_decimal(constant.value):
        raise scope.invalid(f"{constant.value} has more than {_DIGITS} digits; round it")


def fits_decimal(value: Decimal) -> bool:
    """Whether 38 digits hold the value.

    >>> fits_decimal(Decimal("1e38")), fits_decimal(Decimal("1e-38"))
    (False, True)
    """
    whole, _, fraction = format(value, "f").lstrip("-").partition(".")
    return len(whole.lstrip("0")) + len(fraction) <= _DIGITS


def check_comparable(left: BoundExpr, right: BoundExpr, what: str, scope: Scope) -> None:
    """Refuse operands that OData does not compare; null goes with everything.

    Raises:
        TypeMismatch: names both types and, where one slip is usual, the way out.
    """
    if left.type is None or right.type is None or left.type.comparable_with(right.type):
        return
    raise scope.mismatch(f"{what} compares {left.type} with {right.type}{_remedy(left, right)}")


def _remedy(left: BoundExpr, right: BoundExpr) -> str:
    for constant, other in ((left, right), (right, left)):
        if not isinstance(constant, Constant) or other.type is None:
            continue
        hint = _temporal_remedy(constant.value, other.type)
        if hint:
            return hint
        if other.type is PrimitiveType.GUID:
            return "; a Guid stands without quotes: 00000000-0000-0000-0000-000000000000"
        if constant.type is PrimitiveType.STRING and isinstance(constant.value, str):
            return f"; write {constant.value or 'the value'} without quotes"
        if other.type is PrimitiveType.STRING:
            return f"; text stands in single quotes: '{str(constant.value).lower()}'"
    return ""


def _temporal_remedy(value: object, other: PrimitiveType) -> str:
    match value:
        case datetime() if other is PrimitiveType.DATE:
            return f"; write {value.date()}"
        case datetime():
            return ""
        case date() if other is PrimitiveType.DATE_TIME_OFFSET:
            return f"; write {value}T00:00:00Z, or date(...) on the other side"
        case _:
            return ""
